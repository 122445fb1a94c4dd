"""The cause of a failure, found in what Spark says of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from model.spread.failures import WorkersLost

MOST_SAID = 200  # characters of a reason
# The exception is the first line of a traceback that is not moved to the right.
RAISED = re.compile(r"Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(\S.*)")
# Where Spark says why, the most telling first; the name of an exception before it is left out.
CAUSES = [
    re.compile(rf"{words}\s*(?:[\w.$]+: )?(.+)")
    for words in (
        r"finished unsuccessfully\.", r"most recent failure: Lost task .*?\):",
        "aborted due to stage failure:", "^",
    )
]  # fmt: skip
OF_A_JOB = re.compile(r"Job aborted|Job \d+ cancelled|SparkContext was shut ?down", re.IGNORECASE)
PASSING = (OSError, EOFError, MemoryError)  # what the storage or a machine is the cause of


@contextmanager
def losses_told() -> Iterator[None]:
    """
    Around jobs that read images: what was lost is no bug of ours.

    Raises:
        WorkersLost: Spark lost a worker more often than it tries again, or an image's storage
            failed as often. Any other error of a task stays what it is.
    """
    from py4j.protocol import Py4JError, Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException, ConnectionError) as error:
        text = str(error)
        if line := raised_in_task(text):
            if not issubclass(_kind_of(line), PASSING):
                raise
            said = line.partition(": ")[2] or line
            raise WorkersLost(f"images could not be read: {said[:MOST_SAID]}") from error
        if isinstance(error, Py4JJavaError | PySparkException) and not OF_A_JOB.search(text):
            raise
        raise WorkersLost(
            f"Spark lost a worker that read images: {cause_of(text)}; it was out of memory, its "
            "machine has gone, or an image crashed the decoder: start again with more memory, or "
            "take out images that were added last"
        ) from error


def raised_in_task(text: str) -> str:
    """The exception with which the last of Python's tracebacks ends; nothing if there is none."""
    found: list[str] = RAISED.findall(text)
    return found[-1].strip() if found else ""


def cause_of(text: str) -> str:
    """What to say of a failure, in one line."""
    if line := raised_in_task(text):
        return line[:MOST_SAID]
    said = next(found[1] for cause in CAUSES if (found := cause.search(text or "no word")))
    return first_line(said)


def first_line(text: str) -> str:
    """Of a reason, or that there is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0][:MOST_SAID] if lines else "without a word"


def _kind_of(line: str) -> type[BaseException]:
    """The exception by its name; one that the driver does not know is like any other."""
    module, _, name = line.partition(":")[0].rpartition(".")
    found = getattr(sys.modules.get(module or "builtins"), name, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else Exception
