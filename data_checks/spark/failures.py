"""What went wrong in one of Spark's workers, found in what Spark says of it."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from data_checks.pool import DIED, FactsFailed, hung
from data_checks.spark.in_time import Hung

TOLD = re.compile(r"TaskFailed: (\{.*\})")
LOST = re.compile(
    r"Python worker (exited|failed)|ExecutorLost|executor \S* ?(lost|exited)|OutOfMemory"
    r"|out of memory|SIGKILL|EOFException|FetchFailed|No space left on device"
    r"|SparkContext (was|has been) (shut down|stopped)|stopped SparkContext"
    # What Spark says of data and of code, it says by errors of its own.
    r"|^py4j\.protocol\.Py4J\w*Error", re.IGNORECASE | re.MULTILINE,
)  # fmt: skip
LOST_LATER = (
    "Spark lost a machine, a process or room on a disk while it compared and judged the images; "
    "give the cluster more memory if that happens again"
)


class TaskFailed(Exception):
    """Why a task failed, as told; another attempt may go well."""


def told_of(error: Exception) -> str:
    """One line of JSON, that survives the way through Spark's messages."""
    kind = type(error)
    return json.dumps({"of": kind.__module__, "kind": kind.__name__, "says": str(error)})


def raised(told: str, most_seconds: float) -> Exception:
    """The exception of that module and name: as in a pool, which sends them as they are."""
    return _raised(**json.loads(told), most_seconds=most_seconds)


@contextmanager
def causes_told(most_seconds: float, lost: str = DIED) -> Iterator[None]:
    """
    Raise what was raised in a worker, and not Spark's account of it.

    Args:
        most_seconds: that a chunk may take.
        lost: what to say of a worker that is no more.

    Raises:
        FactsFailed: a worker died or hung.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        text = str(error)
        if found := TOLD.search(text):
            raise raised(found[1], most_seconds) from error
        if LOST.search(text):
            raise FactsFailed(lost) from error
        raise


def loss_in(fault: str) -> str:
    """What to say of a fault, told with its traceback, if that is a loss of Spark's."""
    return LOST_LATER if LOST.search(fault) else ""


def _raised(of: str, kind: str, says: str, most_seconds: float) -> Exception:
    if (of, kind) == (Hung.__module__, Hung.__name__):
        return FactsFailed(hung(most_seconds))
    found = getattr(importlib.import_module(of), kind, None)
    if isinstance(found, type) and issubclass(found, Exception):
        try:
            return found(says)
        except TypeError:  # it is made of something else
            pass
    return FactsFailed(f"{kind}: {says}")
