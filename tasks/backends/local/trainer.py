"""Runs ``python -m model.train`` as a detached process, found again by its token."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from model.folder import BadModelFolder, ModelFolder
from tasks.backends.local.follow import follow
from tasks.backends.local.processes import end, running, start_detached, why_it_ended
from tasks.ports import Watch
from tasks.records import Candidate, TrainingJob, TrainingRun

MODULE = "model.train"
PATIENCE_S = 10.0


class ProcessTrainer:
    """One folder a run, named by the token: the log, and the model folder that grows in ``out``."""

    def __init__(self, state: Path, *, tracking_uri: str) -> None:
        self._runs = state / "runs"
        self._tracking_uri = tracking_uri
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def submit(self, job: TrainingJob) -> TrainingRun:
        """Start the run, unless it runs or ended well; killed, it goes on from its checkpoint."""
        run = TrainingRun(job.token, job, self._runs / job.token)
        if _finished(run) is None and not running(MODULE, _out(run)):
            self._children[run.token] = start_detached(self._command(run), _log(run))
        return run

    def wait(self, run: TrainingRun, watch: Watch) -> Candidate:
        """Follow the run to its end."""
        if folder := _finished(run):
            return _candidate(run, folder)
        progress = run.folder / "out" / "progress.jsonl"
        follow(progress, lambda: self._is_alive(run), lambda line: watch(_sentence(line)))
        if folder := _finished(run):
            return _candidate(run, folder)
        raise self._explain(run)

    def forget(self, job: TrainingJob) -> None:
        """Remove the run's folder; registered versions have copies of their own."""
        folder = self._runs / job.token
        self.cancel(TrainingRun(job.token, job, folder))
        shutil.rmtree(folder, ignore_errors=True)

    def cancel(self, run: TrainingRun) -> None:
        """End the run if it runs."""
        for process in running(MODULE, _out(run)):
            end(process, patience_s=PATIENCE_S)

    def sweep(self, keep: str | None) -> int:
        """End runs that no release waits for."""
        ended = 0
        for folder in self._runs.glob("*"):
            if folder.name != keep:
                for process in running(MODULE, str(folder / "out")):
                    end(process, patience_s=PATIENCE_S)
                    ended += 1
        return ended

    def _command(self, run: TrainingRun) -> list[str]:
        job = run.job
        config = job.config.model_dump(exclude_none=True)
        knobs = [f"--{name.replace('_', '-')}={value}" for name, value in config.items()]
        tags = {"token": run.token, "git_commit": job.gate.code.commit or "none"}
        return [
            sys.executable, "-m", MODULE,
            "--data", job.checked.dataset.uri, "--out", _out(run),
            "--tracking-uri", self._tracking_uri,
            "--experiment", job.checked.dataset.name,
            "--run-name", f"{job.checked.dataset.name} {run.token[:8]}",
            *[word for name, value in tags.items() for word in ("--tag", f"{name}={value}")],
            *knobs,
        ]  # fmt: skip

    def _is_alive(self, run: TrainingRun) -> bool:
        if child := self._children.get(run.token):
            return child.poll() is None
        return bool(running(MODULE, _out(run)))

    def _explain(self, run: TrainingRun) -> Exception:
        child = self._children.pop(run.token, None)
        return why_it_ended("trainer", child.returncode if child else None, _log(run))


def _sentence(line: str) -> str:
    epoch = json.loads(line)
    return (
        f"epoch {epoch['epoch']:g}/{epoch['epochs']:g}  "
        f"loss {epoch['loss']:.4f}  accuracy {epoch['accuracy']:.4f}  "
        f"validation loss {epoch['val_loss']:.4f}  accuracy {epoch['val_accuracy']:.4f}  "
        f"{epoch['images_per_s']:,.0f} images/s"
    )


def _finished(run: TrainingRun) -> ModelFolder | None:
    try:
        folder = ModelFolder.read(run.folder / "out")
        folder.verify()
    except BadModelFolder:
        return None
    return folder


def _candidate(run: TrainingRun, folder: ModelFolder) -> Candidate:
    manifest = folder.manifest
    return Candidate(
        run,
        folder=folder.path,
        digest=folder.digest,
        test_digest=manifest["dataset"]["test_digest"],
        accuracy=float(folder.metrics["accuracy"]),
        tracking_run=manifest.get("mlflow_run_id"),
    )


def _out(run: TrainingRun) -> str:
    return str(run.folder / "out")


def _log(run: TrainingRun) -> Path:
    return run.folder / "train.log"
