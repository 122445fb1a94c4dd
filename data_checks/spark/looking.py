"""What Spark's workers do: look at the images of some chunks, and write what they saw."""

from __future__ import annotations

import queue
import sys
import threading
import zipimport
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from data_checks.facts import Chunk
from data_checks.spark.failures import TaskFailed
from data_checks.table import batch_of, write_batches

if TYPE_CHECKING:
    import pyarrow as arrow

WRITTEN = "file long, chunk long, images long"
Done = TypeVar("Done")


def packed(chunk: Chunk) -> bytes:
    """A chunk, as it travels; a hundred paths of a folder are much alike."""
    from pyspark import cloudpickle

    return zlib.compress(cloudpickle.dumps(chunk), 1)


@dataclass(frozen=True)
class Looking:
    """
    The work of a task: it writes the facts of some chunks, in their order, to a file of its own.

    Attributes:
        folder: that all workers see.
        told: accumulates number of a chunk → its images, for whoever waits.
        most_seconds: a chunk.
    """

    folder: Path
    told: Any
    most_seconds: float

    def __call__(self, rows: Iterator[arrow.RecordBatch]) -> Iterator[arrow.RecordBatch]:
        """
        Args:
            rows: the number of each chunk, and the chunk, packed.

        Returns:
            Rows of ``WRITTEN``: number of the file and of a chunk, and how many images that has.

        Raises:
            TaskFailed: a chunk cannot be read, or not in time; the driver finds out why.
        """
        import pyarrow as arrow
        from pyspark import TaskContext

        seen: dict[int, int] = {}
        file = TaskContext.get().partitionId()
        try:
            write_batches(self._facts(rows, seen), self.folder / f"part-{file:08d}.parquet")
        except Exception as error:
            raise TaskFailed.of(error) from error
        yield arrow.RecordBatch.from_pydict(
            {"file": [file] * len(seen), "chunk": list(seen), "images": list(seen.values())},
            arrow.schema([(name, arrow.int64()) for name in ("file", "chunk", "images")]),
        )
        forget_archives()

    def _facts(
        self, rows: Iterator[arrow.RecordBatch], seen: dict[int, int]
    ) -> Iterator[arrow.RecordBatch]:
        from pyspark import cloudpickle

        for batch in rows:
            for number, data in zip(*(each.to_pylist() for each in batch.columns), strict=True):
                chunk = cloudpickle.loads(zlib.decompress(data))
                facts = _in_time(partial(batch_of, chunk), self.most_seconds)
                seen[number] = facts.num_rows
                self.told.add({number: facts.num_rows})
                yield facts


def forget_archives() -> None:
    """
    Drop what imports from archives; it comes again, quickly, if something is imported from one.

    Spark has a jar and two zip files on Python's path, and lets each task look at them anew:
    Python 3.11 then reads all of their indexes, a seventh of a second a task.
    """
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimport.zipimporter):
            del sys.path_importer_cache[path]


def _in_time(work: Callable[[], Done], most_seconds: float) -> Done:
    """What ``work`` makes. Raises TimeoutError: it hangs, and is left behind in its thread."""
    done: queue.SimpleQueue[tuple[Done | None, Exception | None]] = queue.SimpleQueue()

    def attempt() -> None:
        try:
            done.put((work(), None))
        except Exception as error:  # noqa: BLE001 (raised in the other thread)
            done.put((None, error))

    threading.Thread(target=attempt, daemon=True).start()
    try:
        found, error = done.get(timeout=most_seconds)
    except queue.Empty:
        raise TimeoutError from None
    if error:
        raise error
    return found  # type: ignore[return-value]
