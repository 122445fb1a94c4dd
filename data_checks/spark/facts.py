"""The facts table, computed and written by Spark's workers: a folder of Parquet files, in order."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from data_checks.facts import COLUMNS, Chunk
from data_checks.pool import MOST_SECONDS_A_CHUNK, FactsFailed
from data_checks.spark.failures import causes_told, raised
from data_checks.spark.looking import WRITTEN, Looking, packed
from data_checks.spark.seen import ROW_BITS, Seen
from data_checks.spark.session import settings
from data_checks.spark.telling import Union, telling
from data_checks.table import write_batches

KINDS: Final = {
    "string": "string", "int32": "int", "int64": "long", "float32": "float", "bool": "boolean"
}  # fmt: skip
SCHEMA: Final = ", ".join(f"{name} {KINDS[kind]}" for name, kind in COLUMNS.items())
REMOVALS = 10
TASKS_A_CORE, MOST_CHUNKS_A_TASK = 4, 64  # small enough to be tried again, or spread evenly


def write_facts(
    spark: Any,
    chunks: Sequence[Chunk],
    out: Path,
    *,
    progress: Callable[[int], None] | None = None,
) -> Seen:
    """
    Write the facts of every image as Parquet: one file a task, whose names and rows are in the
    order of the chunks.

    Args:
        out: a folder that all workers see; it appears when it is complete.
        progress: is told how many images are done, from a thread of its own.

    Returns:
        How many images each chunk has, and in which file their facts are.

    Raises:
        FactsFailed: a worker died or hung. Also whatever a chunk raises when it is read.
    """
    draft = out.absolute().with_name(f"{out.name}.draft")  # workers have places of their own
    _remove(draft)
    draft.mkdir()
    try:
        seen = _looked_at(spark, chunks, draft, progress)
        _complete(draft, seen.files)
    except BaseException:
        _remove(draft)
        raise
    draft.rename(out)
    return seen


def read_facts(spark: Any, folder: Path) -> Any:
    """The facts, and ``position``: numbers that have the order of the data set, with gaps."""
    from pyspark.sql import functions as F  # noqa: N812 (its users call it so)

    file = F.regexp_extract("_metadata.file_name", r"^part-(\d+)", 1).cast("long")
    position = F.shiftleft(file, ROW_BITS).bitwiseOR(F.col("_metadata.row_index"))
    return spark.read.schema(SCHEMA).parquet(str(folder)).withColumn("position", position)


def _looked_at(
    spark: Any, chunks: Sequence[Chunk], folder: Path, progress: Callable[[int], None] | None
) -> Seen:
    told = spark.sparkContext.accumulator({}, Union())
    tasks = _tasks(len(chunks), spark.sparkContext.defaultParallelism)
    looking = Looking(folder, told, MOST_SECONDS_A_CHUNK)
    with (
        settings(spark, {"spark.sql.leafNodeDefaultParallelism": tasks}),
        causes_told(MOST_SECONDS_A_CHUNK),
        telling(lambda: sum(told.value.values()), progress),
    ):
        rows = _rows(spark, chunks, tasks).mapInArrow(looking, WRITTEN).collect()
    for fault in (row.fault for row in rows if row.fault):
        raise raised(fault, MOST_SECONDS_A_CHUNK)
    return Seen(tuple(sorted((row.file, row.chunk, row.images) for row in rows)))


def _complete(folder: Path, files: set[int]) -> None:
    """Leave the files of those tasks alone, and at least one. Raises FactsFailed: one is not."""
    if not files:
        write_batches([], folder / "part-00000000.parquet")
    for path in folder.glob(".*"):  # of a worker that died, and whose work another one did
        path.unlink()
    missing = len(files) - len(list(folder.glob("part-*.parquet")))
    if missing > 0:
        raise FactsFailed(
            f"{missing} of {len(files)} files that workers wrote are not in {folder.parent}; give "
            "a folder that all machines of the cluster see, as one on a volume"
        )


def _remove(folder: Path) -> None:
    """With what tasks still write there that Spark is about to end."""
    for _ in range(REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.5)


def _tasks(chunks: int, cores: int) -> int:
    least = max(cores * TASKS_A_CORE, -(-chunks // MOST_CHUNKS_A_TASK))
    return max(min(chunks, least), 1)


def _rows(spark: Any, chunks: Sequence[Chunk], tasks: int) -> Any:
    """One row a chunk, in ``tasks`` partitions, whether Spark keeps few rows or many of them."""
    import pyarrow as arrow

    schema = arrow.schema([("number", arrow.int64()), ("chunk", arrow.binary())])
    ends = [len(chunks) * task // tasks for task in range(tasks + 1)]
    batches = [
        arrow.record_batch(
            [range(first, last), [packed(chunk) for chunk in chunks[first:last]]], schema
        )
        for first, last in pairwise(ends)
    ]
    return spark.createDataFrame(arrow.Table.from_batches(batches, schema))
