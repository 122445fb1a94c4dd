"""What Spark's workers do: look at the images of some chunks, and write what they saw."""

from __future__ import annotations

import sys
import uuid
import zipimport
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_checks.facts import Chunk
from data_checks.spark.failures import TaskFailed, told_of
from data_checks.spark.in_time import Hung, InTime
from data_checks.table import batch_of, write_batches

if TYPE_CHECKING:
    import pyarrow as arrow

WRITTEN = "file long, chunk long, images long, fault string"
FAULT = ".fault"  # a file with what ended a task for good: all others end, too
NO_CHUNK = -1


class _Stopped(Exception):
    """Another task found what ends them all."""


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
            Rows of ``WRITTEN``: number of the file and of a chunk, and how many images that has. Or
            one with a fault: of the data, or a chunk that hangs, here or in another task. Spark
            would try a task that failed again and again, and find the same.

        Raises:
            TaskFailed: a chunk cannot be read for now; the driver finds out why.
        """
        import pyarrow as arrow
        from pyspark import TaskContext

        seen: dict[int, int] = {}
        file = TaskContext.get().partitionId()
        found: list[tuple[int, int, int, str | None]]
        if fault := self._written(file, rows, seen):
            found = [(file, NO_CHUNK, 0, fault)]
        else:
            found = [(file, *each, None) for each in seen.items()]
        kinds = {"long": arrow.int64(), "string": arrow.string()}
        names = [each.split() for each in WRITTEN.split(", ")]
        schema = arrow.schema([(name, kinds[kind]) for name, kind in names])
        told = [dict(zip(schema.names, row, strict=True)) for row in found]
        yield arrow.RecordBatch.from_pylist(told, schema)
        forget_archives()

    def _written(
        self, file: int, rows: Iterator[arrow.RecordBatch], seen: dict[int, int]
    ) -> str | None:
        """Write the facts; answer the fault that another attempt would find, if there is one."""
        known = self.folder / FAULT
        try:
            with InTime(self.folder / f".looking-{file:08d}", self.most_seconds) as in_time:
                facts = self._facts(rows, seen, in_time)
                write_batches(facts, self.folder / f"part-{file:08d}.parquet")
        except _Stopped:
            return known.read_text(encoding="utf-8")
        except (ValueError, Hung) as error:
            draft = known.with_name(f"{FAULT}.{file}.{uuid.uuid4().hex}")
            draft.write_text(told_of(error), encoding="utf-8")
            draft.replace(known)
            return told_of(error)
        except Exception as error:
            raise TaskFailed(told_of(error)) from error
        return None

    def _facts(
        self, rows: Iterator[arrow.RecordBatch], seen: dict[int, int], in_time: InTime
    ) -> Iterator[arrow.RecordBatch]:
        from pyspark import cloudpickle

        for batch in rows:
            for number, data in zip(*(each.to_pylist() for each in batch.columns), strict=True):
                if (self.folder / FAULT).exists():
                    raise _Stopped
                chunk = cloudpickle.loads(zlib.decompress(data))
                facts = in_time(partial(batch_of, chunk))
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
