"""Submit and wait, and submit again if the run itself was lost: the same for every trainer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from prefect import get_run_logger
from prefect.exceptions import TerminationSignal

from tasks.errors import Transient

ATTEMPTS = 3
Run = TypeVar("Run")
Found = TypeVar("Found")


def see_through(
    what: str,
    submit: Callable[[], Run],
    wait: Callable[[Run], Found],
    cancel: Callable[[], None],
) -> Found:
    """
    Let ``what`` run to its end; a run that was lost continues from where it was.

    Args:
        cancel: ends the run, also one that began as ``submit`` was interrupted.

    Raises:
        Transient: the run was lost ``ATTEMPTS`` times.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return wait(submit())
        except (KeyboardInterrupt, SystemExit, TerminationSignal, TimeoutError):
            cancel()
            raise
        except Transient as lost:
            if attempt == ATTEMPTS:
                raise
            get_run_logger().warning("%s was lost (%s); it continues", what, lost)
    raise AssertionError("the loop returns or raises")
