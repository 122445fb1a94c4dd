"""Parts made by Spark: a task each, which writes its files itself and answers with a line."""

from __future__ import annotations

import functools
import json
import pickle
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any

from model.batch_score.made import Job, Made, make_part
from model.batch_score.parts import Part
from model.batch_score.place import BadPlace, StorageFailed
from model.batch_score.scores import File
from model.images import BadDataset

if TYPE_CHECKING:
    import pyarrow as arrow

TASKS_A_CORE = 16  # of one job: the driver holds the places of their images, and tells after each
PART, TOLD = "part", "told"  # columns: a part on its way there, and the answer


def on_spark(job: Job, parts: Iterable[Part]) -> Iterator[Made]:
    """
    Make ``parts`` on the cluster that ``getOrCreate`` finds; a task that is lost is tried again.

    A part that is made twice, by a second attempt or a speculative one, has the same bytes.

    Raises:
        BadDataset, BadPlace: as ``make_part``; Spark tries that once.
        StorageFailed: a task failed again and again.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.appName("batch scoring").getOrCreate()
    rest, together = iter(parts), TASKS_A_CORE * spark.sparkContext.defaultParallelism
    while some := list(islice(rest, together)):
        rows = [(pickle.dumps(part),) for part in some]
        # From one partition, row by row to the next: a task a part, not some with three.
        frame = spark.createDataFrame(rows, f"{PART} binary").coalesce(1).repartition(len(rows))
        try:
            answers = frame.mapInArrow(functools.partial(_answer, job), f"{TOLD} string").collect()
        except PySparkException as error:
            raise StorageFailed(_last_line(error)) from error
        yield from (_made(answer[TOLD]) for answer in answers)


def _answer(job: Job, batches: Iterator[arrow.RecordBatch]) -> Iterator[arrow.RecordBatch]:
    """On a worker: make the parts that come, and tell of each."""
    import pyarrow as arrow

    for batch in batches:
        parts = (pickle.loads(each) for each in batch.column(PART).to_pylist())  # noqa: S301 (ours)
        told = [_told(job, part) for part in parts]
        yield arrow.RecordBatch.from_arrays([arrow.array(told, arrow.string())], [TOLD])


def _told(job: Job, part: Part) -> str:
    try:
        return json.dumps(asdict(make_part(job, part)))
    except BadDataset as error:  # another attempt would find the same
        return json.dumps({"data": str(error)})
    except BadPlace as error:
        return json.dumps({"place": str(error)})


def _made(told: str) -> Made:
    found: dict[str, Any] = json.loads(told)
    if "data" in found:
        raise BadDataset(found["data"])
    if "place" in found:
        raise BadPlace(found["place"])
    scores, bad = found.pop("scores"), found.pop("bad")
    return Made(scores=File(**scores), bad=File(**bad) if bad else None, **found)


def _last_line(error: Exception) -> str:
    """What the task itself said, below Python's and Java's traces."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    ours = [line for line in lines if "StorageFailed: " in line]
    said = ours[-1].partition("StorageFailed: ")[2] if ours else next(iter(lines), "it failed")
    return f"a task of Spark failed again and again: {said}"
