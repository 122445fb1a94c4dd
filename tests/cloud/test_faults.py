"""
Every fault at every call: nothing is done twice, nothing fails in silence.

What came out is a table in docs/azure-faults.md; ``python -m tests.cloud.test_faults`` writes it.
"""

from __future__ import annotations

import re
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.errors import Refused, Transient
from tests.cloud.databricks.workspace import FILES, JOBS
from tests.cloud.parts import FAILED, Parts, parts, reached
from tests.cloud.stand_in import STATE, StandIn
from tests.cloud.subscription.arm import MODELS
from tests.cloud.subscription.login import LIFETIME_S
from tests.cloud.wire.faults import Fault
from tests.cloud.wire.site import Site
from tests.conftest import ROOT

pytestmark = pytest.mark.cloud

TABLE = ROOT / "docs" / "azure-faults.md"
FILE = f"{FILES}/files"
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


# Call → stand-in, method, path, and what makes the call; true if it came out right.
CALLS: dict[str, tuple[str, str, str, Callable[[Parts], object]]] = {
    "submit a run": ("databricks", "POST", f"{JOBS}/submit", lambda on: on.submit() > 1000),
    "look at a run": ("databricks", "GET", f"{JOBS}/get\\b", lambda on: on.follow() == FAILED),
    "list runs": ("databricks", "GET", f"{JOBS}/list", lambda on: on.jobs.active("none") == {}),
    "cancel a run": ("databricks", "POST", f"{JOBS}/cancel", lambda on: not on.cancel()),
    "write a file": ("databricks", "PUT", FILE, lambda on: not on.volume.put(b"x", "note")),
    "read a file": ("databricks", "GET", FILE, lambda on: on.volume.read("there") == b"y"),
    "look for a file": ("databricks", "HEAD", FILE, lambda on: on.volume.has("there")),
    "list versions": ("arm", "GET", r"/versions\?", lambda on: not on.registry.versions(on.name)),
    "get a secret": ("arm", "POST", "/listSecrets", lambda on: on.register() == 1),
    "write a version": ("arm", "PUT", "/versions/1", lambda on: on.register() == 1),
    "write a blob": ("relay", "PUT", f"/{STATE}/note", lambda on: not on.lake.write("note", b"x")),
    "read a blob": ("relay", "GET", f"/{STATE}/there", lambda on: on.lake.read("there") == b"y"),
    "take the lease": ("relay", "PUT", "comp=lease", lambda on: on.lock() == "locked"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_a_fault_at_a_call_comes_out_as_the_table_says(relayed, call, fault, tmp_path):
    assert outcome(relayed, call, fault, tmp_path) == told(call, fault)


def outcome(cloud: StandIn, call: str, fault: str, place: Path) -> str:
    """How it ended, and how many calls more it took; what must never be is asserted."""
    where, method, path, action = CALLS[call]
    site = getattr(cloud, where).site
    on, runs = parts(cloud, place), len(cloud.runs.all())
    given = replace(FAULTS[fault], method=method, path=path)
    if where == "relay":  # storage speaks XML
        given = replace(
            given, body=b"", headers={**given.headers, "Content-Type": "application/xml"}
        )
    if fault == EXPIRED:
        let_tokens_expire(cloud, on)
    else:
        site.faults.add(given)
    seen, before, tokens = (
        matching(cloud, site, method, path), site.faults.met, cloud.login.asked
    )  # fmt: skip
    ended = ""
    for attempt in range(1, TRIES + 1):
        try:
            assert action(on), f"{call}: {fault}"
        except Transient as error:
            time.sleep(min(error.retry_after_s, 1.0))
            continue
        except Refused:
            ended = "refused"
        else:
            ended = "done" if attempt == 1 else "done by the step"
        break
    assert ended, "a single fault outlived the retries of a step"
    met = cloud.login.asked - tokens if fault == EXPIRED else site.faults.met - before
    assert met >= 1
    assert len(cloud.runs.all()) - runs <= 1
    assert len(cloud.arm.known.below(f"{MODELS}/{on.name}/versions")) <= 1
    return f"{ended}, {matching(cloud, site, method, path) - seen} calls"


def let_tokens_expire(cloud: StandIn, on: Parts) -> None:
    """All services have been spoken to, with tokens that have come to their end since."""
    cloud.login.lifetime_s = 4
    on.jobs.active("none"), on.registry.versions("none"), on.lake.read("there")
    cloud.login.lifetime_s = LIFETIME_S
    time.sleep(4.5)


def matching(cloud: StandIn, site: Site, method: str, path: str) -> int:
    return sum(
        each["method"] == method and bool(re.search(path, each["url"]))
        for each in cloud.record.exchanges(site.name)
    )


def told(call: str, fault: str) -> str:
    """What docs/azure-faults.md says."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in TABLE.read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    found = {row[0]: row for row in rows}
    return found[call][rows[0].index(fault)]


def main() -> None:
    """Print the table."""
    print("| call | " + " | ".join(FAULTS) + " |")
    print("| --- |" + " --- |" * len(FAULTS))
    with tempfile.TemporaryDirectory() as place, reached(Path(place) / "cloud") as cloud:
        for call in CALLS:
            cells = [
                outcome(cloud, call, fault, Path(place) / uuid.uuid4().hex) for fault in FAULTS
            ]
            print(f"| {call} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
