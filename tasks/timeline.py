"""What the steps of one release did, in order: for its table, and for its evidence."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["done", "skipped", "refused", "failed"]


@dataclass(frozen=True)
class Entry:
    """One step: what became of it, in how many seconds, and the record that it made."""

    step: str
    outcome: Outcome
    seconds: float
    why: str = ""
    record: object = None


@dataclass
class Timeline:
    """Entries in the order in which the steps ended."""

    entries: list[Entry] = field(default_factory=list)


_current: ContextVar[Timeline | None] = ContextVar("timeline", default=None)


@contextlib.contextmanager
def timeline() -> Iterator[Timeline]:
    """Collect the steps that run inside; inside another collection, it is the same one."""
    if outer := _current.get():
        yield outer
        return
    made = Timeline()
    token = _current.set(made)
    try:
        yield made
    finally:
        _current.reset(token)


def note(
    step: str, outcome: Outcome, began: float, *, why: str = "", record: object = None
) -> None:
    """Add an entry for a step that began at ``began`` (``time.monotonic``)."""
    if current := _current.get():
        current.entries.append(Entry(step, outcome, time.monotonic() - began, why, record))
