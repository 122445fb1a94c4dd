"""docs/reference/http-api.md, from the description that the service itself gives out."""

from __future__ import annotations

import json
from typing import Any

from infra.documents.places import MADE, ROOT, table

DESCRIPTION = ROOT / "model" / "serve" / "openapi.json"
HEAD = f"""\
# HTTP API

{MADE}

The scoring service gives this out as `GET /openapi.json` (OpenAPI 3.1) and, for people, as
`GET /docs`. [The scoring service](../serving.md) says how it behaves: bounds, keys, what it keeps.

Where the service can be reached from outside its host, send `Authorization: Bearer KEY`. Only what
is marked *open* below answers without.
"""


def http_api_page() -> str:
    """Every path with its answers, then every shape."""
    described: dict[str, Any] = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    parts = [HEAD]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            parts.append(_operation(f"{method.upper()} {path}", operation))
    parts.append("## Shapes\n")
    for name, schema in described["components"]["schemas"].items():
        parts.append(f"### {name}\n\n{_shape(schema)}\n")
    headers = described["components"]["headers"]
    rows = [(f"`{name}`", header["description"]) for name, header in headers.items()]
    parts.append(f"## Headers of an answer\n\n{table(('header', 'is'), rows)}")
    return "\n".join(parts) + "\n"


def _operation(asked: str, operation: dict[str, Any]) -> str:
    is_open = operation.get("security") == []
    lines = [f"## {asked}\n", operation["summary"] + (" *(open)*" if is_open else "") + ".\n"]
    if "description" in operation:
        lines.append(operation["description"] + "\n")
    if "requestBody" in operation:
        bodies = operation["requestBody"]["content"]
        rows = [(f"`{kind}`", _kind(body["schema"])) for kind, body in bodies.items()]
        lines.append(table(("body", "is"), rows) + "\n")
    answers = [
        (code, answer["description"], ", ".join(_answer(answer)))
        for code, answer in operation["responses"].items()
    ]
    lines.append(table(("status", "means", "content"), answers) + "\n")
    return "\n".join(lines)


def _answer(answer: dict[str, Any]) -> list[str]:
    return [
        f"`{kind}` {_kind(body.get('schema', {}))}".strip()
        for kind, body in answer.get("content", {}).items()
    ]


def _shape(schema: dict[str, Any]) -> str:
    needed = schema.get("required", [])
    rows = [
        (f"`{name}`", _kind(field), "yes" if name in needed else "", field.get("description", ""))
        for name, field in schema["properties"].items()
    ]
    return table(("field", "type", "always there", "is"), rows)


def _kind(schema: dict[str, Any]) -> str:
    """What a value is, in a few words; a shape of its own as a link to it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "oneOf" in schema:
        return " or ".join(_kind(each) for each in schema["oneOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if schema.get("type") == "object" and "properties" in schema:
        return "object with " + ", ".join(f"`{name}`" for name in schema["properties"])
    if "contentMediaType" in schema:
        return "the bytes of the image"
    return str(schema.get("format", schema.get("contentEncoding", schema.get("type", ""))))
