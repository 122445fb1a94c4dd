"""
Every fault at every call: nothing is done twice, nothing fails in silence.

What came out is a table in docs/azure-faults.md; ``python -m tests.cloud.test_faults`` writes it.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tasks.backends.azure.clients import Clients
from tasks.backends.azure.jobs import Jobs, code_of
from tasks.backends.azure.lake import Lake
from tasks.backends.azure.registry import AzureMlRegistry
from tasks.backends.azure.volume import Volume
from tasks.errors import Refused, Transient
from tasks.records import Approved, Candidate
from tests.cloud.arm import GROUP, ML, SUBSCRIPTION, WORKSPACE
from tests.cloud.databricks import FILES, JOBS, VOLUME
from tests.cloud.faults import Fault
from tests.cloud.site import Site
from tests.cloud.stand_in import STATE, StandIn
from tests.conftest import ROOT

pytestmark = pytest.mark.cloud

TABLE = ROOT / "docs" / "azure-faults.md"
MODELS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/{ML}/{WORKSPACE}/models"
FILE, FAILED = f"{FILES}/files", "DRIVER_ERROR"
TRIES = 4  # of a step: once, and three times more
FAULTS = {
    "429, wait 1 s": Fault("", "", status=429, headers={"Retry-After": "1"}),
    "500": Fault("", "", status=500),
    "503": Fault("", "", status=503),
    "503, yet done": Fault("", "", status=503, when="after"),
    "dropped": Fault("", "", status=None),
    "dropped, yet done": Fault("", "", status=None, when="after"),
    "401": Fault("", "", status=401),
    "403": Fault("", "", status=403),
}


@dataclass(frozen=True)
class Parts:
    """The backend's own objects, with real SDKs; ``name`` is of this case alone."""

    cloud: StandIn
    jobs: Jobs
    volume: Volume
    lake: Lake
    registry: AzureMlRegistry
    folder: Path
    name: str

    def submit(self) -> int:
        number = self.jobs.submit(
            self.name, entry="train", wheel="/Volumes/x.whl", words=[], libraries=[],
            is_usable=lambda _: True,
        )  # fmt: skip
        assert self.cloud.runs.get(number)
        return number

    def follow(self) -> str:
        self.cloud.runs.is_stuck, self.cloud.runs.end_with = False, FAILED
        return code_of(self.jobs.follow(self.submit(), lambda: None))[0]

    def cancel(self) -> bool:
        number = self.submit()
        self.jobs.cancel(number)
        return number in [run["run_id"] for run in self.cloud.runs.active()]

    def register(self) -> int:
        candidate = Candidate(None, self.folder, self.name, "test", 1.0)  # type: ignore[arg-type]
        tags = {"model_digest": self.name}
        approved = Approved(candidate, None)  # type: ignore[arg-type]
        return self.registry.register(approved, self.name, tags).number

    def lock(self) -> str:
        with self.lake.lock(self.name, "it", lambda _: None, 5.0):
            return "locked"


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


@pytest.fixture(scope="module")
def cloud(tmp_path_factory) -> Iterator[StandIn]:
    with reached(tmp_path_factory.mktemp("cloud")) as made:
        yield made


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_a_fault_at_a_call_comes_out_as_the_table_says(cloud, call, fault, tmp_path):
    assert outcome(cloud, call, fault, tmp_path) == told(call, fault)


@contextlib.contextmanager
def reached(place: Path) -> Iterator[StandIn]:
    """A cloud that this process itself may reach."""
    with StandIn(place, is_relayed=True) as cloud, pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        cloud.put(STATE, "there", b"y")
        there = cloud.runs.path(f"{VOLUME}/there")
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(b"y")
        yield cloud


def outcome(cloud: StandIn, call: str, fault: str, place: Path) -> str:
    """How it ended, and how many calls more it took; what must never be is asserted."""
    where, method, path, action = CALLS[call]
    site = getattr(cloud, where).site
    on, runs, seen = parts(cloud, place), len(cloud.runs.all()), matching(cloud, site, method, path)
    before = site.faults.met
    given = replace(FAULTS[fault], method=method, path=path)
    if where == "relay":  # storage speaks XML
        given = replace(
            given, body=b"", headers={**given.headers, "Content-Type": "application/xml"}
        )
    site.faults.add(given)
    ended = ""
    for attempt in range(1, TRIES + 1):
        try:
            assert action(on)
        except Transient as error:
            time.sleep(min(error.retry_after_s, 1.0))
            continue
        except Refused:
            ended = "refused"
        else:
            ended = "done" if attempt == 1 else "done by the step"
        break
    assert ended, "a single fault outlived the retries of a step"
    assert site.faults.met == before + 1
    assert len(cloud.runs.all()) - runs <= 1
    assert len(cloud.arm.known.below(f"{MODELS}/{on.name}/versions")) <= 1
    return f"{ended}, {matching(cloud, site, method, path) - seen} calls"


def parts(cloud: StandIn, place: Path) -> Parts:
    at = Clients.open()
    folder = place / "model"
    folder.mkdir(parents=True)
    (folder / "labels.json").write_text("{}")
    cloud.runs.is_stuck, cloud.runs.end_with = True, None
    lake = Lake(at.container)
    return Parts(
        cloud, Jobs(at.databricks, at.settings, poll_s=0.1), Volume(at.databricks, VOLUME), lake,
        AzureMlRegistry(at.registry, lake, place / "state"), folder, f"m{uuid.uuid4().hex[:12]}",
    )  # fmt: skip


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
