"""
The barrier stage in which the workers learn; repeated when a worker is lost.

Spark gives a failed barrier stage up at once, and ends its other tasks. The next attempt goes on
from the last checkpoint, with the images that lie on Spark's disks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

from model.fit import CannotLearn
from model.spread.causes import cause_of, first_line
from model.spread.failures import CannotSpread, WorkersLost
from model.spread.job import Ended, Job
from model.spread.session import slots_of, too_many
from model.spread.shards import Shards
from model.spread.task import LEARNED, learn

MOST_ATTEMPTS = 4  # without an epoch that was finished: as often as Spark tries a task
TOO_FEW_SLOTS = "SPARK-24819"
NO_DYNAMIC_ALLOCATION = "SPARK-24942"
GROUP = "training"  # of Spark's jobs, to cancel them
Done = TypeVar("Done")
TOLD = re.compile(r"WorkerEnded: (\{.*\})")


class Lost(RuntimeError):
    """A worker was lost: the same again may go well."""


class Unseated(Lost):
    """
    Spark has no place for all workers, as they need it.

    At first that is how the cluster is; later, that a machine was lost and another one may come.
    """


class Learned(NamedTuple):
    """
    What all workers ended with.

    Attributes:
        epoch: the last one, whose checkpoint the first worker has written.
        weights: their digest.
    """

    epoch: int
    weights: str


@dataclass(frozen=True)
class Stage:
    """One attempt to learn to the end, on all workers at once."""

    shards: Shards
    job: Job

    def __call__(self) -> Learned:
        """
        Learn, in a thread of its own; answer what is the same on all workers.

        Raises:
            Lost: a worker died, or Spark lost its task.
            CannotLearn: the data or the knobs are the cause.
            CannotSpread: Spark cannot start all at once.
        """
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        work = partial(learn, job=self.job, digests=self.shards.digests)
        context = self.shards.spark.sparkContext
        try:
            context.setJobGroup(GROUP, "workers that learn", interruptOnCancel=True)
            rows = self.shards.frame.mapInArrow(work, LEARNED, barrier=True).collect()
        except (Py4JError, PySparkException, ConnectionError) as error:
            spark = self.shards.spark
            raise what_failed(str(error), self.job, lambda: slots_of(spark)) from error
        ends = {Learned(row.epoch, row.weights) for row in rows}
        if len(ends) != 1 or len(rows) != self.job.workers:
            raise RuntimeError(f"the workers did not end with the same weights: {rows}")
        return ends.pop()

    def cancel(self) -> None:
        """End it, wherever it is called from."""
        self.shards.spark.sparkContext.cancelJobGroup(GROUP)


def repeated(
    attempt: Callable[[], Done], epoch: Callable[[], int], say: Callable[[str], None]
) -> Done:
    """
    Try until an attempt goes well.

    Args:
        epoch: how many are finished now.

    Raises:
        CannotSpread: the first one found no place for all workers.
        WorkersLost: ``MOST_ATTEMPTS`` in a row finished no epoch.
    """
    before, failed, is_first = epoch(), 0, True
    while True:
        try:
            return attempt()
        except Lost as lost:
            if is_first and isinstance(lost, Unseated):
                raise CannotSpread(str(lost)) from lost
            is_first = False
            now = epoch()
            failed = 0 if now > before else failed + 1
            if failed == MOST_ATTEMPTS:
                raise WorkersLost(f"{lost}; {failed} attempts in a row finished no epoch") from lost
            before = now
            say(f"{lost}; going on from epoch {now}")


def what_failed(text: str, job: Job, slots: Callable[[], int]) -> Exception:
    """
    The error behind what Spark says.

    Args:
        slots: tasks that Spark runs at once now.
    """
    if told := TOLD.search(text):
        ended = Ended.of(told[1])
        who = f"worker {ended.worker} of {job.workers}"
        if ended.why == "refused":
            return CannotLearn(ended.message)
        if ended.why == "uneven":
            return Unseated(ended.message)
        if ended.why == "bug":
            return RuntimeError(f"{who} failed: {ended.message}")
        lost = "lost another worker" if ended.why == "peer" else "was lost"
        return Lost(f"{who} {lost}: {first_line(ended.message)}")
    if TOO_FEW_SLOTS in text:
        if (now := slots()) < job.workers:
            return Unseated(str(too_many(job.workers, now)))
        return Lost(f"Spark had no place for {job.workers} workers for a while")
    if NO_DYNAMIC_ALLOCATION in text:
        return CannotSpread(
            "Spark starts workers all at once, which it cannot while it changes the number of its "
            "machines: set spark.dynamicAllocation.enabled to false"
        )
    return Lost(f"Spark lost a worker: {cause_of(text)}")
