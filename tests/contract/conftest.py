"""The ports of every backend, and records to give them. A backend joins by joining ``BACKENDS``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from model.config import TrainConfig
from model.folder import ModelFolder
from tasks.backends.azure.settings import read_settings
from tasks.digests import digest_of
from tasks.errors import Refused
from tasks.ports import Backend
from tasks.records import (
    Approved,
    Candidate,
    CheckedDataset,
    Code,
    GatePass,
    TrainingJob,
    TrainingRun,
    Verdict,
)
from tests.conftest import ROOT
from tests.contract.live import live
from tests.contract.surroundings import Cloud, Here, Surroundings

BACKENDS = ["local", pytest.param("azure", marks=pytest.mark.cloud)]
only_in_azure = pytest.mark.parametrize("around", BACKENDS[1:], indirect=True)
# In Azure these take containers: tests/cloud has them.
only_here = pytest.mark.parametrize("around", ["local"], indirect=True)


LIVE_TIMEOUT_S = 3600  # of one test: a cluster takes minutes to start


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--live", action="store_true",
                     help="ask the promises of the subscription that the settings name; it costs "
                     "money")  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Only the azure backend then, and not without settings."""
    if config.getoption("--live"):
        try:
            read_settings()
        except Refused as error:
            raise pytest.UsageError(f"--live: {error}") from error
        config.option.markexpr = "cloud"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--live", default=False):
        for item in items:
            item.add_marker(pytest.mark.timeout(LIVE_TIMEOUT_S))


@pytest.fixture(params=BACKENDS)
def around(request, tmp_path, monkeypatch) -> Iterator[Surroundings]:
    """A backend with no history, and what is around it; whatever it runs ends with the test."""
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path / "state"))
    from tasks.backends import choose

    if request.config.getoption("--live", default=False):
        with live() as surroundings:
            yield surroundings
        return
    if request.param == "local":
        made = choose("local")
        yield Here(made)
        assert made.endpoints
        made.endpoints.stop("light")
    else:
        cloud = request.getfixturevalue("cloud")
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("tasks.backends.azure.jobs.POLL_S", 0.1)
        made = choose("azure")
        yield Cloud(made, cloud)
    made.trainer.sweep(lambda _: False)


@pytest.fixture
def backend(around) -> Backend:
    return around.backend


@pytest.fixture
def job(around, pictures) -> TrainingJob:
    return job_of(around, pictures)


def job_of(around: Surroundings, pictures: Path, **knobs) -> TrainingJob:
    dataset = around.backend.datasets.identify(around.put(pictures), None)
    checked = CheckedDataset(dataset, "key", ROOT, checks=1)
    gate = GatePass(Code(None, is_dirty=True, digest="code"), 1, 0.1, ROOT)
    config = TrainConfig(**{"epochs": 3, "batch_size": 8, **knobs})
    return TrainingJob(checked, gate, config, model_code=f"model{around.mark}", lock="lock")


@pytest.fixture
def approved(job, model_folder) -> Approved:
    return approved_of(job, model_folder)


def approved_of(job: TrainingJob, folder: Path) -> Approved:
    """A candidate in ``folder``, as if its evaluation had said yes."""
    found = ModelFolder.read(folder)
    run = TrainingRun(job.token, job, folder)
    test_digest = found.manifest["dataset"]["test_digest"]
    candidate = Candidate(run, folder, found.digest, test_digest, found.metrics["accuracy"])
    return Approved(candidate, Verdict(True, (), (), key="verdict"))


@pytest.fixture
def another_folder(model_folder, tmp_path) -> Path:
    """The same model with other names of its labels: another digest, another model."""
    import json
    import shutil

    from model.folder import write_json, write_manifest

    folder = tmp_path / "another"
    shutil.copytree(model_folder, folder, ignore=shutil.ignore_patterns("manifest.json"))
    known = json.loads((folder / "labels.json").read_text())
    write_json(folder / "labels.json", {**known, "labels": ["hell", "dunkel"]})
    old = ModelFolder.read(model_folder).manifest
    facts = {k: v for k, v in old.items() if k not in ("files", "model_digest")}
    write_manifest(folder, **facts)
    return folder


def tags_of(approved: Approved) -> dict[str, str]:
    digest = approved.candidate.digest
    return {"model_digest": digest, "dataset_digest": digest_of("data"), "accuracy": "1.0"}
