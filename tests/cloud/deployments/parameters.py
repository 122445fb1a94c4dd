"""What is given to a template, judged by what it asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.cloud.deployments.expressions import Wrong

KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str, "securestring": str, "int": int, "bool": bool, "array": list, "object": dict,
}  # fmt: skip


def judged(
    asked: dict[str, Any], given: dict[str, Any], worked_out: Callable[[Any], Any]
) -> Iterator[tuple[str, Any]]:
    """
    Names and values of all parameters, the defaults among them, in the order of the template.

    Args:
        given: name → ``{"value": …}``.
        worked_out: replaces the expressions of a default, which may name parameters before it.

    Raises:
        Wrong: one is missing, unknown, or not as the template wants it.
    """
    if unknown := set(given) - set(asked):
        raise Wrong("InvalidTemplate", f"the template has no parameters {sorted(unknown)}")
    for name, wanted in asked.items():
        if name in given:
            value = given[name]["value"]
        elif "defaultValue" in wanted:
            value = worked_out(wanted["defaultValue"])
        else:
            raise Wrong("InvalidTemplate", f"the value for the template parameter '{name}' is not "
                        "provided")  # fmt: skip
        if why := _unfit(wanted, value):
            raise Wrong("InvalidTemplate", f"the template parameter '{name}' {why}")
        yield name, value


def _unfit(wanted: dict[str, Any], value: Any) -> str:
    if not isinstance(value, KINDS[wanted["type"].lower()]) or (
        wanted["type"].lower() == "int" and isinstance(value, bool)
    ):
        return f"is {type(value).__name__}, not {wanted['type']}"
    if "allowedValues" in wanted and value not in wanted["allowedValues"]:
        return f"is {value!r}; allowed are {wanted['allowedValues']}"
    size = value if isinstance(value, int) else len(value)
    if size < wanted.get("minValue", wanted.get("minLength", size)):
        return f"is below its least: {value!r}"
    if size > wanted.get("maxValue", wanted.get("maxLength", size)):
        return f"is above its most: {value!r}"
    return ""
