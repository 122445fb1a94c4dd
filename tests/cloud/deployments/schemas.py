"""
Azure's schemas as judge of a template: of the whole, and of each resource by type and version.

They are those of github.com/Azure/azure-resource-manager-schemas, whose folder ``schemas`` lies
where ``ARM_SCHEMAS`` says. They let unknown properties pass, as JSON schemas do; here none does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator, ValidationError
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT4

SCHEMAS = "ARM_SCHEMAS"
AT = "https://schema.management.azure.com/schemas/"
FILES = {"Microsoft.Insights": "Microsoft.Insights.Application"}  # where it has a name of its own
UNTYPED = {"Microsoft.Resources/deployments"}  # the schema of the whole describes them
OF_TEMPLATES = {"comments", "condition", "copy", "dependsOn", "scope"}  # in a resource of any type
OF_ALL = {*OF_TEMPLATES, "name", "type", "apiVersion"}
ALLOWED = {  # finding → why it is none
    "systemDatastoresAuthMode": "lacks in the schema of 2024-10-01, is in the service's OpenAPI "
    "(workspaceRP.json), and is what an account without keys takes",
}


def schemas() -> Path:
    """
    Folder of Azure's schemas.

    Raises:
        RuntimeError: nobody said where they are, or they are not there.
    """
    place = Path(os.environ.get(SCHEMAS, "nowhere"))
    if not (place / "2019-04-01" / "deploymentTemplate.json").is_file():
        raise RuntimeError(
            f"{place} has no 2019-04-01/deploymentTemplate.json: let {SCHEMAS} name the folder "
            "`schemas` of a clone of github.com/Azure/azure-resource-manager-schemas, or leave "
            "this check out: -m 'not schemas'"
        )
    return place


def findings(template: dict[str, Any]) -> list[str]:
    """
    What is wrong, by the schemas; templates inside of it are judged as well.

    Raises:
        RuntimeError: there are no schemas.
    """
    schemas()
    registry: Registry[Any] = Registry(retrieve=_read)  # type: ignore[call-arg]
    whole = f"{AT}2019-04-01/deploymentTemplate.json"
    frame = {**template, "resources": []}  # else the schemas of all other types would be asked for
    found = list(_told("template", _validator(whole, registry), frame))
    for each in template["resources"]:
        base = _validator(f"{whole}#/definitions/resourceBase", registry)
        found += _told(each["type"], base, {k: v for k, v in each.items() if k in OF_ALL})
        if each["type"] in UNTYPED:
            found += findings(each["properties"]["template"])
            continue
        provider, _, kind = each["type"].partition("/")
        file = f"{AT}{each['apiVersion']}/{FILES.get(provider, provider)}.json"
        place = f"{file}#/resourceDefinitions/{kind.replace('/', '_')}"
        body = {key: value for key, value in each.items() if key not in OF_TEMPLATES}
        found += _told(each["type"], _validator(place, registry), body)
    return found


def _validator(reference: str, registry: Registry[Any]) -> Draft4Validator:
    return Draft4Validator({"$ref": reference}, registry=registry)


def _read(uri: str) -> Resource[Any]:
    """A schema; what its properties do not name is refused, unless it says otherwise."""
    content = json.loads((schemas() / uri.removeprefix(AT).rstrip("#")).read_text(encoding="utf-8"))
    if "Microsoft." in uri:
        _close(content)
    return Resource(contents=content, specification=DRAFT4)


def _close(schema: Any) -> None:
    if isinstance(schema, list):
        for each in schema:
            _close(each)
    if not isinstance(schema, dict):
        return
    if "properties" in schema and "allOf" not in schema and schema.get("type") == "object":
        schema.setdefault("additionalProperties", False)
    for each in schema.values():
        _close(each)


def _told(what: str, validator: Draft4Validator, value: Any) -> Iterator[str]:
    try:
        errors = list(validator.iter_errors(value))
    except Unresolvable as error:
        yield f"{what}: Azure has no schema of that type and version: {error.ref}"
        return
    for error in errors:
        deepest = _deepest(error)
        if not _is_twice(deepest) and not any(word in deepest.message for word in ALLOWED):
            where = "/".join(map(str, deepest.absolute_path))
            yield f"{what}: {where}: {deepest.message[:200]}"


def _is_twice(error: ValidationError) -> bool:
    """An expression where any text would do: it is right in two ways, and "oneOf" wants one."""
    return error.validator == "oneOf" and str(error.instance).startswith("[") and not error.context


def _deepest(error: ValidationError) -> ValidationError:
    """The error that says most: the one furthest inside of the value."""
    while error.context:
        error = max(error.context, key=lambda each: (
            len(each.absolute_path), each.validator not in ("type", "pattern")
        ))  # fmt: skip
    return error
