"""The facts table: one row an image, computed by a pool of processes in bounded memory."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data_checks.facts import COLUMNS, Chunk, columns_of
from data_checks.pool import FactsFailed as FactsFailed
from data_checks.pool import in_order

if TYPE_CHECKING:
    import pyarrow as arrow

ROWS_A_GROUP: Final = 16_384
FEW: Final = ["label", "split", "format", "mode", "problem"]  # columns of few different values


def facts_table(
    chunks: Iterable[Chunk],
    out: Path,
    *,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """
    Write the facts of every image as Parquet, in the order of the chunks.

    Args:
        chunks: read by the workers; only a few are in flight, so memory does not grow with the
            number of images.
        out: the Parquet file; it appears when it is complete.
        workers: processes; by default one a core.
        progress: is told how many images are done.

    Raises:
        FactsFailed: a worker died (out of memory, or an image that crashes the decoder).
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    batches = in_order(chunks, batch_of, workers=workers or os.cpu_count() or 1)
    return write_batches(_told(batches, progress), out)


def write_batches(batches: Iterable[arrow.RecordBatch], out: Path) -> Path:
    """Write rows of the table to the Parquet file ``out``, which appears when it is complete."""
    import pyarrow.parquet as parquet

    draft = out.with_name(f".{out.name}.{uuid.uuid4().hex}")  # of this attempt alone
    options = {"compression": "zstd", "use_dictionary": FEW}
    try:
        with parquet.ParquetWriter(draft, _schema(), **options) as writer:
            for rows in _groups(batches):
                writer.write_table(rows)
        return draft.replace(out)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def batch_of(chunk: Chunk) -> arrow.RecordBatch:
    """The facts of a chunk's images, as rows of the table."""
    import pyarrow as arrow

    return arrow.RecordBatch.from_pydict(columns_of(chunk.read()), schema=_schema())


def _told(
    batches: Iterable[arrow.RecordBatch], progress: Callable[[int], None] | None
) -> Iterator[arrow.RecordBatch]:
    done = 0
    for batch in batches:
        done += batch.num_rows
        if progress:
            progress(done)
        yield batch


def _groups(batches: Iterable[arrow.RecordBatch]) -> Iterator[arrow.Table]:
    """Some thousand rows at a time: a row group for each chunk would cost more than its facts."""
    import pyarrow as arrow

    rest, rows = [], 0
    for batch in batches:
        rest.append(batch)
        rows += batch.num_rows
        if rows >= ROWS_A_GROUP:
            yield arrow.Table.from_batches(rest)
            rest, rows = [], 0
    if rest:
        yield arrow.Table.from_batches(rest)


def _schema() -> arrow.Schema:
    import pyarrow as arrow

    return arrow.schema([(name, getattr(arrow, KINDS[kind])()) for name, kind in COLUMNS.items()])


KINDS = {
    "string": "string", "int32": "int32", "int64": "int64", "float32": "float32", "bool": "bool_"
}  # fmt: skip
