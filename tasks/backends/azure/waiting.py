"""Waiting for what Azure does by itself: patient with an ill service, but not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from tasks.errors import Transient

if TYPE_CHECKING:
    from azure.core.polling import LROPoller

T = TypeVar("T")
PATIENCE_S = 300.0  # that a service may be ill while we wait
POLL_S = 0.5  # a rollback waits for three changes, one after the other


def follow(
    look: Callable[[], T],
    *,
    until: Callable[[T], bool],
    what: str,
    timeout_s: float,
    poll_s: float = POLL_S,
    patience_s: float = PATIENCE_S,
) -> T:
    """
    Look again and again until it is so; return what was seen then.

    Args:
        what: "… to be …", for the message.
        patience_s: for how long looks may fail, one after the other.

    Raises:
        Transient: it did not become so in time, or could not be looked at.
    """
    began, ill_since = time.monotonic(), None
    while True:
        try:
            seen = look()
        except Transient as error:
            ill_since = ill_since or time.monotonic()
            if time.monotonic() - ill_since > patience_s:
                raise
            time.sleep(max(poll_s, min(error.retry_after_s, 60)))
            continue
        ill_since = None
        if until(seen):
            return seen
        if time.monotonic() - began > timeout_s:
            raise Transient(f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(poll_s)


def ended(operation: LROPoller[Any], *, what: str, timeout_s: float) -> Any:
    """
    What came of an operation; the SDK alone would wait for ever.

    Raises:
        Transient: it did not end in time; it goes on.
    """
    operation.wait(timeout_s)
    if not operation.done():
        raise Transient(f"waited {timeout_s:g} s in vain for {what}")
    return operation.result()
