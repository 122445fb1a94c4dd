"""The two tables of a part as Parquet: scores, and images that could not be scored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from model.batch_score.answered import Answered

if TYPE_CHECKING:
    import pyarrow as arrow

NOTE, LABELS = b"mlops", b"labels"  # in the metadata of each file
REPEATED = ["label", "split", "predicted", "model_version", "model_digest", "problem"]
BAD = ("path", "label", "split", "problem")


def scores_table(found: Answered, labels: Sequence[str], model: Mapping[str, str]) -> arrow.Table:
    """
    One row an image.

    Args:
        labels: the classes, in the order of the probabilities.
        model: version and digest, the same in every row.
    """
    import pyarrow as arrow

    images, classes = found.probabilities.shape
    offsets = np.arange(images + 1, dtype=np.int32) * classes  # not a list of Python an image
    columns: dict[str, Any] = {
        "path": found.paths, "label": found.labels, "split": found.splits,
        "predicted": arrow.array(labels, arrow.string()).take(arrow.array(found.classes)),
        "confidence": found.confidence,
        "probabilities": arrow.ListArray.from_arrays(offsets, found.probabilities.ravel()),
        "mean": found.mean, "deviation": found.deviation,
        **{f"model_{name}": arrow.repeat(value, images) for name, value in model.items()},
    }  # fmt: skip
    return arrow.table(columns, schema=scores_schema(labels))


def bad_table(rows: Sequence[Sequence[str]]) -> arrow.Table:
    """One row an image that could not be scored, of the columns ``BAD``."""
    import pyarrow as arrow

    columns = zip(*rows, strict=True) if rows else ((),) * len(BAD)
    return arrow.table(dict(zip(BAD, map(list, columns), strict=True)), schema=bad_schema())


def scores_schema(labels: Sequence[str]) -> arrow.Schema:
    """Columns of the scores; the metadata has the classes in the order of the probabilities."""
    import pyarrow as arrow

    text, real = arrow.string(), arrow.float64()
    kinds = {
        "path": text, "label": text, "split": text, "predicted": text,
        "confidence": arrow.float32(), "probabilities": arrow.list_(arrow.float32()),
        "mean": real, "deviation": real, "model_version": text, "model_digest": text,
    }  # fmt: skip
    return arrow.schema(kinds.items(), metadata={LABELS: json.dumps(list(labels))})


def bad_schema() -> arrow.Schema:
    """Columns of the images that could not be scored."""
    import pyarrow as arrow

    return arrow.schema([(name, arrow.string()) for name in BAD])


def to_parquet(table: arrow.Table, note: Mapping[str, Any]) -> bytes:
    """A file with ``note`` in its metadata: equal tables give equal bytes."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    known = {**(table.schema.metadata or {}), NOTE: json.dumps(note, sort_keys=True)}
    sink = arrow.BufferOutputStream()
    parquet.write_table(
        table.replace_schema_metadata(known), sink, compression="zstd",
        use_dictionary=[name for name in REPEATED if name in table.schema.names],
        write_page_checksum=True,
    )  # fmt: skip
    return bytes(sink.getvalue().to_pybytes())


def note_of(data: bytes | None) -> tuple[dict[str, Any], int] | None:
    """
    The note of a whole file, and its number of rows; ``None`` for anything else.

    All of it is read, and compared with the checksums in it: what a loss of power left may have a
    footer, and a hole before it.
    """
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    try:
        source = arrow.BufferReader(data or b"")
        found = parquet.ParquetFile(source, page_checksum_verification=True)
        note = json.loads(found.schema_arrow.metadata[NOTE])
        return (note, found.read().num_rows) if isinstance(note, dict) else None
    except (arrow.ArrowException, OSError, ValueError, KeyError, TypeError):
        return None
