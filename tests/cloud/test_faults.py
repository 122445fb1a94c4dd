"""
Every fault at every call of training and registering: nothing is done twice, nothing fails in
silence.

What came out is a table in docs/azure-faults.md; ``python -m tests.cloud.test_faults`` writes it.
"""

from __future__ import annotations

import tempfile
import time
import uuid
from pathlib import Path

import pytest

from tests.cloud.databricks.workspace import FILES, JOBS
from tests.cloud.fault_table import EXPIRED, FAULTS, Call, outcome, told, write
from tests.cloud.parts import FAILED, Parts, parts, reached
from tests.cloud.stand_in import STATE, StandIn
from tests.cloud.subscription.arm import MODELS
from tests.cloud.subscription.login import LIFETIME_S

pytestmark = pytest.mark.cloud

FILE = f"{FILES}/files"
CALLS: dict[str, Call[Parts]] = {
    "submit a run": Call("databricks", "POST", f"{JOBS}/submit", lambda on: on.submit() > 1000),
    "look at a run": Call("databricks", "GET", f"{JOBS}/get\\b", lambda on: on.follow() == FAILED),
    "list runs": Call("databricks", "GET", f"{JOBS}/list", lambda on: on.jobs.active("none") == {}),
    "cancel a run": Call("databricks", "POST", f"{JOBS}/cancel", lambda on: not on.cancel()),
    "write a file": Call("databricks", "PUT", FILE, lambda on: not on.volume.put(b"x", "note")),
    "read a file": Call("databricks", "GET", FILE, lambda on: on.volume.read("there") == b"y"),
    "look for a file": Call("databricks", "HEAD", FILE, lambda on: on.volume.has("there")),
    "list versions": Call("arm", "GET", r"/versions\?",
                          lambda on: not on.registry.versions(on.name)),
    "get a secret": Call("arm", "POST", "/listSecrets", lambda on: on.register() == 1),
    "write a version": Call("arm", "PUT", "/versions/1", lambda on: on.register() == 1),
    "write a blob": Call("relay", "PUT", f"/{STATE}/note",
                         lambda on: not on.lake.write("note", b"x")),
    "read a blob": Call("relay", "GET", f"/{STATE}/there",
                        lambda on: on.lake.read("there") == b"y"),
    "take the lease": Call("relay", "PUT", "comp=lease", lambda on: on.lock() == "locked"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_a_fault_at_a_call_comes_out_as_the_table_says(relayed, call, fault, tmp_path):
    assert cell(relayed, call, fault, tmp_path) == told(call, fault)


def cell(cloud: StandIn, call: str, fault: str, place: Path) -> str:
    """What the table says; what must never be is asserted."""
    on, runs = parts(cloud, place), len(cloud.runs.all())
    if fault == EXPIRED:
        let_tokens_expire(cloud, on)
    ended = outcome(cloud, CALLS[call], fault, on)
    assert len(cloud.runs.all()) - runs <= 1
    assert len(cloud.arm.known.below(f"{MODELS}/{on.name}/versions")) <= 1
    return ended


def let_tokens_expire(cloud: StandIn, on: Parts) -> None:
    """All services have been spoken to, with tokens that have come to their end since."""
    cloud.login.lifetime_s = 4
    on.jobs.active("none"), on.registry.versions("none"), on.lake.read("there")
    cloud.login.lifetime_s = LIFETIME_S
    time.sleep(4.5)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as place, reached(Path(place) / "cloud") as cloud:
        write(CALLS, lambda call, fault: cell(cloud, call, fault, Path(place) / uuid.uuid4().hex))


if __name__ == "__main__":
    main()
