"""The azure backend's own objects, each for itself, before a stand-in cloud."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasks.backends.azure.clients import Clients
from tasks.backends.azure.jobs import Jobs, code_of
from tasks.backends.azure.lake import Lake
from tasks.backends.azure.registry import AzureMlRegistry
from tasks.backends.azure.volume import Volume
from tasks.records import Approved, Candidate
from tests.cloud.databricks.workspace import VOLUME
from tests.cloud.stand_in import STATE, StandIn

FAILED = "DRIVER_ERROR"


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

    def register(self, mark: str = "") -> int:
        digest = f"{self.name}{mark}"
        candidate = Candidate(None, self.folder, digest, "test", 1.0)  # type: ignore[arg-type]
        tags = {"model_digest": digest}
        approved = Approved(candidate, None)  # type: ignore[arg-type]
        return self.registry.register(approved, self.name, tags).number

    def lock(self) -> str:
        with self.lake.lock(self.name, "it", lambda _: None, 5.0):
            return "locked"


def parts(cloud: StandIn, place: Path) -> Parts:
    at = Clients.open()
    folder = place / "model"
    folder.mkdir(parents=True)
    (folder / "labels.json").write_text("{}")
    cloud.runs.is_stuck, cloud.runs.end_with = True, None
    lake = Lake(at.container)
    registry = AzureMlRegistry(
        at.registry, lake, place / "state", most=at.settings.versions, shared=at.shared
    )
    return Parts(
        cloud, Jobs(at.databricks, at.settings, poll_s=0.5), Volume(at.databricks, VOLUME), lake,
        registry, folder, f"m{uuid.uuid4().hex[:12]}",
    )  # fmt: skip


@contextlib.contextmanager
def reached(place: Path, *, serves: bool = False) -> Iterator[StandIn]:
    """A cloud that this process itself may reach; and whose releases deploy, if it ``serves``."""
    with StandIn(place, is_relayed=True) as cloud, pytest.MonkeyPatch.context() as patch:
        settings = cloud.environment | (cloud.serving() if serves else {})
        for name, value in settings.items():
            patch.setenv(name, value)
        cloud.put(STATE, "there", b"y")
        there = cloud.runs.path(f"{VOLUME}/there")
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(b"y")
        yield cloud
