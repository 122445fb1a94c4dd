"""What every trainer does alike: the words of its command, what it tells, what it left."""

from __future__ import annotations

import json

from model.folder import BadModelFolder, ModelFolder
from tasks.records import Candidate, TrainingRun


def knobs_of(run: TrainingRun, experiment: str | None = None) -> list[str]:
    """The words of ``python -m model.train`` that decide what is computed, and name it."""
    job = run.job
    config = job.config.model_dump(exclude_none=True)
    tags = {"token": run.token, "git_commit": job.gate.code.revision}
    return [
        "--dataset-digest", job.checked.dataset.digest,
        "--experiment", experiment or job.checked.dataset.name,
        "--run-name", f"{job.checked.dataset.name} {run.token[:8]}",
        *[word for name, value in tags.items() for word in ("--tag", f"{name}={value}")],
        *[f"--{name.replace('_', '-')}={value}" for name, value in config.items()],
    ]  # fmt: skip


def sentence(line: str) -> str:
    """What a line of ``progress.jsonl`` says to a person."""
    epoch = json.loads(line)
    return (
        f"epoch {epoch['epoch']:g}/{epoch['epochs']:g}  "
        f"loss {epoch['loss']:.4f}  accuracy {epoch['accuracy']:.4f}  "
        f"validation loss {epoch['val_loss']:.4f}  accuracy {epoch['val_accuracy']:.4f}  "
        f"{epoch['images_per_s']:,.0f} images/s"
    )


def finished(run: TrainingRun) -> ModelFolder | None:
    """The whole model folder of a run, on this machine."""
    try:
        folder = ModelFolder.read(run.folder / "out")
        folder.verify()
    except BadModelFolder:
        return None
    return folder


def candidate_of(run: TrainingRun, folder: ModelFolder) -> Candidate:
    """What the folder proves."""
    manifest = folder.manifest
    return Candidate(
        run,
        folder=folder.path,
        digest=folder.digest,
        test_digest=manifest["dataset"]["test_digest"],
        accuracy=float(folder.metrics["accuracy"]),
        tracking_run=manifest.get("mlflow_run_id"),
    )
