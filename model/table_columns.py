"""What the columns of a Parquet file must be, before a row of it is read."""

from __future__ import annotations

import json
from typing import Any

from model.images import LABELLED, BadDataset


def ask_for_columns(file: str, schema: Any, needed: tuple[str, ...] = LABELLED) -> None:
    """Raises BadDataset: ``image``, ``label`` or ``split`` is missing or of a useless type."""
    missing = [column for column in needed if column not in schema.names]
    if missing:
        has = ", ".join(schema.names)
        raise BadDataset(f"{file} has no column {' and no '.join(missing)}; its columns are: {has}")
    for name, fits, wanted in (
        ("image", _is_image, "bytes, or a struct with a field bytes"),
        ("label", _is_label, "text or numbers"),
        ("split", _is_text, "text, as train or test"),
    ):
        for found in (each.type for each in schema if each.name == name):
            if not fits(found):
                raise BadDataset(f"{file}: its column {name} is {found}; it must be {wanted}")


def class_names(file: str, schema: Any) -> tuple[str, ...] | None:
    """Names of integer labels, where Hugging Face noted them. Raises BadDataset: ill-noted."""
    found = (schema.metadata or {}).get(b"huggingface")
    if not found:
        return None
    try:
        found = json.loads(found)
    except ValueError as error:
        raise BadDataset(f"{file}: its Hugging Face metadata is no JSON: {error}") from error
    for key in ("info", "features", "label", "names"):
        if not isinstance(found, dict):
            raise BadDataset(
                f"{file}: its Hugging Face metadata has no object where {key!r} would be"
            )
        if not (found := found.get(key)):
            return None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise BadDataset(f"{file}: the names of labels in its Hugging Face metadata are no texts")
    return tuple(found)


def _is_image(kind: Any) -> bool:
    import pyarrow as arrow

    if not arrow.types.is_struct(kind):
        return _is_bytes(kind)
    parts = [kind.field(at) for at in range(kind.num_fields)]
    return any(part.name == "bytes" and _is_bytes(part.type) for part in parts) and all(
        _is_text(part.type) for part in parts if part.name == "path"
    )


def _is_bytes(kind: Any) -> bool:
    import pyarrow.types as types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    return any(
        fits(kind)
        for fits in (
            types.is_binary, types.is_large_binary, types.is_binary_view,
            types.is_fixed_size_binary, types.is_null,
        )
    )  # fmt: skip


def _is_label(kind: Any) -> bool:
    import pyarrow.types as types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    numbers = (types.is_integer, types.is_boolean, types.is_floating, types.is_decimal)
    return _is_text(kind) or any(fits(kind) for fits in numbers)


def _is_text(kind: Any) -> bool:
    import pyarrow.types as types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    return any(
        fits(kind)
        for fits in (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
    )
