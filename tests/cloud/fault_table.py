"""A fault at a call: how it ended, and what docs/azure-faults.md says of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from tasks.errors import Refused, Transient
from tests.cloud.stand_in import StandIn
from tests.cloud.wire.faults import Fault
from tests.conftest import ROOT

TABLE = ROOT / "docs" / "azure-faults.md"
TRIES = 4  # of a step: once, and three times more
EXPIRED = "expired token"
FAULTS = {
    "429, wait 1 s": Fault("", "", status=429, headers={"Retry-After": "1"}),
    "500": Fault("", "", status=500),
    "503": Fault("", "", status=503),
    "503, yet done": Fault("", "", status=503, when="after"),
    "dropped": Fault("", "", status=None),
    "dropped, yet done": Fault("", "", status=None, when="after"),
    "401": Fault("", "", status=401),
    "400": Fault("", "", status=400),
    "403": Fault("", "", status=403),
    "in drops, 2 s": Fault("", "", drip_s=2.0),
    EXPIRED: Fault("", ""),
}
T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """
    One call to the cloud.

    Attributes:
        where: the stand-in that is asked.
        path: a regular expression that is searched for.
        action: makes the call; true if it came out right, or a word for how it did.
        before: what has to be there, made without a fault.
        is_counted: the number of such calls does not depend on how long something takes.
    """

    where: str
    method: str
    path: str
    action: Callable[[T], object]
    before: Callable[[T], object] = lambda _: None
    is_counted: bool = True


def outcome(cloud: StandIn, call: Call[T], fault: str, on: T) -> str:
    """
    How it ended, and after how many calls.

    Args:
        on: what makes the call; for ``EXPIRED``, with tokens that have come to their end.
    """
    site = getattr(cloud, call.where).site
    call.before(on)
    if fault != EXPIRED:
        given = replace(FAULTS[fault], method=call.method, path=call.path)
        if call.where == "arm":
            given = replace(given, body={"error": {"code": "Fault", "message": "A fault."}})
        if call.where == "relay":  # storage speaks XML
            given = replace(
                given, body=b"", headers={**given.headers, "Content-Type": "application/xml"}
            )
        site.faults.add(given)
    said, before, tokens = cloud.record.said(), site.faults.met, cloud.login.asked
    try:
        ended = _tried(lambda: call.action(on))
    finally:
        site.faults.clear()
    met = cloud.login.asked - tokens if fault == EXPIRED else site.faults.met - before
    assert met >= 1, f"nothing went wrong, yet it is {ended}"
    if not call.is_counted:
        return ended
    calls = sum(
        each["method"] == call.method and bool(re.search(call.path, each["url"]))
        for each in cloud.record.exchanges(site.name, said)
    )
    return f"{ended}, {calls} calls"


def _tried(action: Callable[[], object]) -> str:
    """As a step is: again after what may pass."""
    for attempt in range(1, TRIES + 1):
        try:
            came = action()
        except Transient as error:
            time.sleep(min(error.retry_after_s, 1.0))
        except Refused:
            return "refused"
        else:
            assert came, "it came out wrong, and nobody was told"
            if isinstance(came, str):
                return came
            return "done" if attempt == 1 else "done by the step"
    raise AssertionError("a single fault outlived the retries of a step")


def told(call: str, fault: str) -> str:
    """What docs/azure-faults.md says."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in TABLE.read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    found = {row[0]: row for row in rows}
    return found[call][rows[0].index(fault)]


def write(calls: Iterable[str], cell: Callable[[str, str], str]) -> None:
    """Print the table."""
    print("| call | " + " | ".join(FAULTS) + " |")
    print("| --- |" + " --- |" * len(FAULTS))
    for call in calls:
        print(f"| {call} | " + " | ".join(cell(call, each) for each in FAULTS) + " |", flush=True)
