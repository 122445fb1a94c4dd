"""Parts made by Spark: a task each, which writes its files itself and answers with a line."""

from __future__ import annotations

import functools
import json
import pickle
import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any

from model.batch_score.made import Job, Made, make_part
from model.batch_score.parts import Part
from model.batch_score.place import BadPlace, StorageFailed
from model.batch_score.scores import File
from model.images import BadDataset
from model.spark_here import here_unless_told

if TYPE_CHECKING:
    import pyarrow as arrow

TASKS_A_CORE = 16  # of one job: the driver holds the places of their images, and tells after each
OURS = re.compile(r"\b(StorageFailed|StorageIll|OSError): (.+)")
LOST = re.compile(
    r"Python worker (exited|failed)|ExecutorLost|executor \S* ?(lost|exited)|OutOfMemory"
    r"|MemoryError|SIGKILL|EOFException"
)
DIED = "a worker died: out of memory, or an image crashed the decoder; the same command goes on"
PART, TOLD = "part", "told"  # columns: a part on its way there, and the answer


def on_spark(job: Job, parts: Iterable[Part]) -> Generator[Made, None, None]:
    """
    Make ``parts`` on the cluster that ``getOrCreate`` finds; a task that is lost is tried again.

    A part that is made twice, by a second attempt or a speculative one, has the same bytes.

    Raises:
        BadDataset, BadPlace: as ``make_part``; Spark tries that once.
        StorageFailed: a task failed again and again, or its worker was lost.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    if SparkSession.getActiveSession() is None:
        here_unless_told()
    spark = SparkSession.builder.appName("batch scoring").getOrCreate()
    rest, together = iter(parts), TASKS_A_CORE * spark.sparkContext.defaultParallelism
    while some := list(islice(rest, together)):
        rows = [(pickle.dumps(part),) for part in some]
        # From one partition, row by row to the next: a task a part, not some with three.
        frame = spark.createDataFrame(rows, f"{PART} binary").coalesce(1).repartition(len(rows))
        try:
            answers = frame.mapInArrow(functools.partial(_answer, job), f"{TOLD} string").collect()
        except (PySparkException, Py4JJavaError) as error:
            if (why := _why(str(error))) is None:
                raise
            raise StorageFailed(f"a task of Spark failed again and again: {why}") from error
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


def _why(said: str) -> str | None:
    """What may go well next time, found below Python's and Java's traces; ``None``: a bug."""
    if found := OURS.findall(said):
        return str(found[-1][1]).strip()
    return DIED if LOST.search(said) else None
