"""
What is found out about a live version, as frozen records.

    Watched → Seen → Monitored        and Memory, which one run leaves to the next
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data_checks.check import Check
from data_checks.drift.accuracy import LiveAccuracy
from data_checks.drift.history import Calls, State
from data_checks.drift.service import Counters, Look, Trouble
from data_checks.drift.window import Window
from tasks.records import ModelVersion

MEMORY = "monitor"  # where the ledger keeps it, with the files of the report
MOST_KEPT = 500  # windows, and runs, that are remembered: three weeks of one an hour


@dataclass(frozen=True)
class Watched:
    """An endpoint and the version that serves there, at ``url`` if it answers now."""

    name: str
    backend: str
    version: ModelVersion
    url: str | None = None


@dataclass(frozen=True)
class Cursor:
    """
    How far captured traffic was read.

    Attributes:
        done: files that were read to their end, of those that are still there.
        partial: a file of which only the first ``rows`` were needed for whole windows.
    """

    done: tuple[str, ...] = ()
    partial: str = ""
    rows: int = 0


@dataclass(frozen=True)
class Call:
    """A call for a retraining: the event of that id, with its evidence."""

    id: str
    at: float
    payload: dict[str, Any]


@dataclass(frozen=True)
class Memory:
    """
    What one run leaves to the next.

    Attributes:
        windows: newest last, also of versions before.
        counters: of the service, when it was last asked.
        looks: one a run, newest last.
        due: a call that was decided on and perhaps not sent yet.
    """

    cursor: Cursor = field(default_factory=Cursor)
    windows: tuple[Window, ...] = ()
    calls: Calls = field(default_factory=Calls)
    counters: Counters | None = None
    looks: tuple[Look, ...] = ()
    due: Call | None = None

    def with_windows(self, more: tuple[Window, ...], cursor: Cursor) -> Memory:
        """Some windows later."""
        return replace(self, windows=(*self.windows, *more)[-MOST_KEPT:], cursor=cursor)

    def with_look(self, look: Look, counters: Counters | None) -> Memory:
        """One run later; a service that could not be asked is compared with before next time."""
        looks = (*self.looks, look)[-MOST_KEPT:]
        return replace(self, looks=looks, counters=counters or self.counters)


@dataclass(frozen=True)
class Seen:
    """
    What came since last time.

    Attributes:
        memory: as it is to be kept when all is done.
        windows: how many of ``memory`` are new.
        waiting: images that make no whole window yet.
        reference: share of each class among the answers to the test images.
        inputs: checks of single images, where there are new windows.
    """

    memory: Memory
    windows: int
    waiting: int
    size: int
    labels: tuple[str, ...]
    reference: tuple[float, ...]
    inputs: tuple[Check, ...] = ()

    @property
    def odd(self) -> tuple[str, ...]:
        """What is wrong with single images."""
        return tuple(
            f"{check.name}: {check.observed}; expected: {check.limit} ({check.reason})"
            for check in self.inputs
            if not check.passed
        )

    @property
    def said(self) -> str:
        new = f"{self.windows} new window{'' if self.windows == 1 else 's'} of {self.size} images"
        return f"{new}; {self.waiting} of {self.size} wait for the next one"


@dataclass(frozen=True)
class Fared:
    """How the service fared since last time; ``counters`` are those of now, if it answered."""

    counters: Counters | None
    since: Counters | None
    troubles: tuple[Trouble, ...] = ()

    @property
    def said(self) -> str:
        if self.since is None:
            return "the service could not be asked"
        if self.troubles:
            return "; ".join(map(str, self.troubles))
        return f"{self.since.requests:,} requests, {self.since.faults} with an input that cannot " \
               f"be read, {self.since.errors} errors, {self.since.slow} slow"  # fmt: skip


@dataclass(frozen=True)
class Monitored:
    """
    The verdict on the traffic of one endpoint.

    Attributes:
        drifting: statistic → windows in which it drifted, of the newest ones.
        event: id of the event that called for a retraining, if this run did.
        troubles: with the service, or with single images; no retraining mends them.
        report: the page to look at.
    """

    endpoint: str
    version: int
    state: State
    said: str
    drifting: dict[str, int] = field(default_factory=dict)
    event: str | None = None
    accuracy: LiveAccuracy | None = None
    troubles: tuple[str, ...] = ()
    report: Path = Path()


@dataclass(frozen=True)
class LabelledImage:
    """An image of the traffic whose true label came later."""

    request_id: str
    at: int
    time: float
    model: str
    answered: str
    label: str


@dataclass(frozen=True)
class Labelled:
    """All images of an endpoint whose label is known by now, the newest last."""

    images: tuple[LabelledImage, ...] = ()


@dataclass(frozen=True)
class Joined:
    """What became of a file of labels."""

    endpoint: str
    version: int
    rows: int
    found: int
    accuracy: LiveAccuracy

    @property
    def said(self) -> str:
        return (f"{self.found:,} of {self.rows:,} labels belong to captured images; "
                f"version {self.version}: {self.accuracy}")  # fmt: skip
