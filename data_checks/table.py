"""The facts table: one row an image, computed by a pool of processes in bounded memory."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING

from data_checks.facts import COLUMNS, Chunk, facts_of

if TYPE_CHECKING:
    import pyarrow as arrow

IN_FLIGHT_A_WORKER = 3
MOST_SECONDS_A_CHUNK = 900  # some hundred images: beyond it the storage hangs


class FactsFailed(RuntimeError):
    """A worker died or hung while it looked at images; the message says what may help."""


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
    import pyarrow.parquet as parquet

    out.parent.mkdir(parents=True, exist_ok=True)
    draft, done = out.with_name(f"{out.name}.draft"), 0
    with parquet.ParquetWriter(draft, _schema(), compression="zstd") as writer:
        for batch in _batches(chunks, workers or os.cpu_count() or 1):
            writer.write_batch(batch)
            done += batch.num_rows
            if progress:
                progress(done)
    draft.replace(out)
    return out


def _batches(chunks: Iterable[Chunk], workers: int) -> Iterator[arrow.RecordBatch]:
    """Facts chunk by chunk, in order; at most ``IN_FLIGHT_A_WORKER`` a worker are in flight."""
    # Not by fork: we run beside threads. A worker must not outlive us, however we end.
    context = multiprocessing.get_context("spawn")
    pending: deque[Future[arrow.RecordBatch]] = deque()
    try:
        with ProcessPoolExecutor(workers, context, initializer=_end_with_parent) as pool:
            for chunk in chunks:
                pending.append(pool.submit(_facts, chunk))
                if len(pending) >= workers * IN_FLIGHT_A_WORKER:
                    yield pending.popleft().result(MOST_SECONDS_A_CHUNK)
            while pending:
                yield pending.popleft().result(MOST_SECONDS_A_CHUNK)
    except BrokenProcessPool as error:
        raise FactsFailed(
            "a process that looked at images died: out of memory, or an image crashed the decoder; "
            "free memory, or take out images that were added last"
        ) from error
    except TimeoutError as error:
        raise FactsFailed(
            f"some images could not be looked at within {MOST_SECONDS_A_CHUNK} s; does the storage "
            "that they lie on answer?"
        ) from error


def _facts(chunk: Chunk) -> arrow.RecordBatch:
    import pyarrow as arrow

    rows = [facts_of(image) for image in chunk.read()]
    return arrow.RecordBatch.from_pylist(rows, schema=_schema())


def _schema() -> arrow.Schema:
    import pyarrow as arrow

    return arrow.schema([(name, getattr(arrow, KINDS[kind])()) for name, kind in COLUMNS.items()])


KINDS = {
    "string": "string", "int32": "int32", "int64": "int64", "float32": "float32", "bool": "bool_"
}  # fmt: skip


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
