"""Checks by several machines are paid for once, whatever fails after them."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_checks.check import REPORT, Reference, Report
from data_checks.limits import Limits
from tasks.backends.azure.checker import DatabricksChecker
from tasks.backends.azure.datasets import BlobDatasets
from tasks.errors import Transient
from tasks.records import Dataset

DATASET = Dataset("az://images/pets", "pets", "d" * 64, "parquet", 2, ("cat", "dog"))
GOOD = Report(True, 2, {}, (), Reference((), (), {}))


class FakeVolume:
    """The files of one folder, on this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, *parts: str) -> str:
        return str(self.root.joinpath(*parts))

    def has(self, *parts: str) -> bool:
        return self.root.joinpath(*parts).is_file()

    def read(self, *parts: str) -> bytes | None:
        return self.root.joinpath(*parts).read_bytes() if self.has(*parts) else None

    def fetch(self, place: Path, *parts: str, but: tuple[str, ...] = ()) -> None:
        place.mkdir(parents=True, exist_ok=True)
        for file in self.root.joinpath(*parts).iterdir():
            (place / file.name).write_bytes(file.read_bytes())

    def delete(self, *parts: str) -> None:
        self.root.joinpath(*parts).unlink(missing_ok=True)


class FakeJobs:
    """Each run leaves a report; one that left it is found again, as Databricks' tokens are."""

    def __init__(self, volume: FakeVolume) -> None:
        self.volume, self.runs = volume, []

    def submit(self, token: str, *, is_usable, **_: object) -> int:
        if not (self.runs and is_usable(self.runs[-1])):
            self.runs.append(ended())
            folder = self.volume.root / "checks" / token
            folder.mkdir(parents=True, exist_ok=True)
            GOOD.save(folder)
        return len(self.runs)

    def follow(self, number: int, look) -> object:
        look()
        return self.runs[number - 1]


def ended() -> object:
    jobs = pytest.importorskip("databricks.sdk.service.jobs")
    return jobs.Run(state=jobs.RunState(result_state=jobs.RunResultState.SUCCESS))


class FakeWheel:
    path = "/Volumes/main/wheels/ours.whl"


class FakeLake:
    """Blob Storage that does not answer at first."""

    def __init__(self, failures: int) -> None:
        self.failures, self.kept = failures, []

    def keep(self, folder: Path, name: str) -> None:
        if self.failures:
            self.failures -= 1
            raise Transient("writing checks: HTTP 503")
        self.kept.append((name, Report.load(folder)))


def test_a_report_that_was_not_kept_at_first_is_not_made_again(tmp_path):
    volume, lake = FakeVolume(tmp_path / "volume"), FakeLake(failures=1)
    jobs = FakeJobs(volume)
    datasets = BlobDatasets(
        lake, tmp_path / "state", "account", checker=DatabricksChecker(jobs, volume, FakeWheel())
    )

    def check() -> Report:
        return datasets.check(DATASET, Limits(), None, "some-key", print, workers=2)

    with pytest.raises(Transient, match="HTTP 503"):
        check()
    assert check() == GOOD

    assert len(jobs.runs) == 1
    assert lake.kept == [("checks/some-key", GOOD)]
    assert not volume.has("checks", "some-key", REPORT)  # who asks again gets a new look
    check()
    assert len(jobs.runs) == 2
