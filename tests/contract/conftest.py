"""The ports of every backend, and records to give them. A backend joins by joining ``BACKENDS``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from model.config import TrainConfig
from model.folder import ModelFolder
from tasks.digests import digest_of
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

BACKENDS = ["local"]


@pytest.fixture(params=BACKENDS)
def backend(request, tmp_path, monkeypatch) -> Iterator[Backend]:
    """A backend with no history; whatever it runs ends with the test."""
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path / "state"))
    from tasks.backends import choose

    made = choose(request.param)
    yield made
    made.trainer.sweep(keep=None)
    made.endpoints.stop("light")


@pytest.fixture
def job(backend, pictures) -> TrainingJob:
    return job_of(backend, pictures)


def job_of(backend: Backend, pictures: Path, **knobs) -> TrainingJob:
    dataset = backend.datasets.identify(str(pictures), None)
    checked = CheckedDataset(dataset, "key", ROOT, checks=1)
    gate = GatePass(Code(None, is_dirty=True, digest="code"), 1, 0.1, ROOT)
    config = TrainConfig(**{"epochs": 3, "batch_size": 8, **knobs})
    return TrainingJob(checked, gate, config, model_code="model", lock="lock")


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
