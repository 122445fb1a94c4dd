"""Chunks of a data set as rows of Spark: some tasks, each with some places to read at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from model.images import BadDataset, Chunk, RawImage
from model.pixels import BadImage

if TYPE_CHECKING:
    from pyarrow import RecordBatch

CHUNKS_A_TASK = 16  # so that a task that is lost costs little
TASKS_A_SLOT = 4  # so that slow ones do not leave the others without work, where chunks are few
TASKS = "spark.sql.leafNodeDefaultParallelism"
FAULTS = {kind.__name__: kind for kind in (BadImage, BadDataset)}


class Places:
    """
    Where the images lie.

    Args:
        slots: tasks that run at once.
    """

    def __init__(self, chunks: Iterable[Chunk], slots: int) -> None:
        from pyspark.cloudpickle import dumps

        self._pickled = [dumps(chunk) for chunk in chunks]
        self._slots = slots

    def __len__(self) -> int:
        return len(self._pickled)

    def rows(self, spark: Any, counted: Sequence[Sequence[int]] = ()) -> Any:
        """
        A row a chunk: its number, its place, and some numbers that belong to it.

        Args:
            counted: columns ``count0``, ``count1`` and so on, a number a chunk each.
        """
        import pyarrow as arrow

        columns = {
            "chunk": arrow.array(range(len(self)), arrow.int64()),
            "place": arrow.array(self._pickled, arrow.binary()),
            **{f"count{n}": arrow.array(c, arrow.int64()) for n, c in enumerate(counted)},
        }
        table, size = arrow.table(columns), self._chunks_a_task()
        batches = (table.slice(at, size).combine_chunks() for at in range(0, len(self), size))
        # A batch becomes a partition, where they are large: of small ones, see ``settings``.
        whole = arrow.Table.from_batches([batch for part in batches for batch in part.to_batches()])
        return spark.createDataFrame(whole)

    @property
    def settings(self) -> dict[str, object]:
        """For what reads the rows: Spark keeps few of them itself, and parts them by this."""
        return {TASKS: max(1, -(-len(self) // self._chunks_a_task()))}

    def _chunks_a_task(self) -> int:
        even = -(-len(self) // (self._slots * TASKS_A_SLOT))
        return max(1, min(CHUNKS_A_TASK, even))


def chunks_of(batches: Iterable[RecordBatch]) -> Iterator[tuple[dict[str, int], Chunk]]:
    """In a task: the numbers of each row, and its chunk."""
    from pyspark.cloudpickle import loads

    for batch in batches:
        for row in batch.to_pylist():
            yield row, loads(row.pop("place"))


def readable(
    chunk: Chunk, split: str | None = None
) -> Iterator[tuple[int, RawImage | None, str | None]]:
    """The images with their place in the chunk; if it cannot be read on, nothing but the fault."""
    at = -1
    try:
        for at, image in enumerate(chunk.read(split)):
            yield at, image, None
    except BadDataset as error:
        yield at + 1, None, fault(error)


def fault(error: BadImage | BadDataset) -> str:
    """The error as text, to be carried to the driver in a row: Spark would repeat a failed task."""
    return f"{type(error).__name__}: {error}"


def raised(text: str) -> BadImage | BadDataset:
    """The error that the text was made of."""
    kind, _, message = text.partition(": ")
    return FAULTS[kind](message)
