"""Runs ``python -m model.train`` as a detached process, found again by its token."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from model.folder import NOTES, PROGRESS
from model.spark_here import lacking
from tasks.backends.local.follow import follow
from tasks.backends.local.programs import Programs
from tasks.errors import Refused
from tasks.ports import Watch
from tasks.records import Candidate, TrainingJob, TrainingRun
from tasks.trained import candidate_of, finished, knobs_of, sentence

MODULE = "model.train"


class ProcessTrainer:
    """One folder a run, named by the token: the log, and the model folder that grows in ``out``."""

    def __init__(self, state: Path, *, tracking_uri: str) -> None:
        self._runs = state / "runs"
        self._tracking_uri = tracking_uri
        self._programs = Programs(MODULE, "trainer")

    def require(self, workers: int) -> None:
        """Raises Refused: this machine has no Spark, or not a core for each of them."""
        if workers > 1 and (why := lacking(workers)):
            raise Refused(f"--workers {workers}: {why}")

    def submit(self, job: TrainingJob) -> TrainingRun:
        """Start the run, unless it runs or ended well; killed, it goes on from its checkpoint."""
        run = TrainingRun(job.token, job, self._runs / job.token)
        if finished(run) is None and not self._programs.running(_out(run)):
            (run.folder / "out" / NOTES).unlink(missing_ok=True)  # of an earlier run
            self._programs.start(_out(run), self._command(run), _log(run))
        return run

    def wait(self, run: TrainingRun, watch: Watch) -> Candidate:
        """Follow the run to its end."""
        if folder := finished(run):
            return candidate_of(run, folder)
        out = run.folder / "out"
        told = {out / PROGRESS: lambda line: watch(sentence(line)), out / NOTES: watch}
        follow(told, lambda: self._programs.is_alive(_out(run)))
        if folder := finished(run):
            return candidate_of(run, folder)
        raise self._programs.why_it_ended(_out(run), _log(run))

    def known(self, job: TrainingJob) -> Candidate | None:
        """What a run of this job left."""
        run = TrainingRun(job.token, job, self._runs / job.token)
        folder = finished(run)
        return candidate_of(run, folder) if folder else None

    def forget(self, job: TrainingJob) -> None:
        """Remove the run's folder; registered versions have copies of their own."""
        self.cancel(job)
        shutil.rmtree(self._runs / job.token, ignore_errors=True)

    def cancel(self, job: TrainingJob) -> None:
        """End the run if it runs."""
        self._programs.end(str(self._runs / job.token / "out"))

    def sweep(self, is_awaited: Callable[[str], bool]) -> int:
        """End runs that no release waits for."""
        lost = [folder for folder in self._runs.glob("*") if not is_awaited(folder.name)]
        return sum(self._programs.end(str(folder / "out")) for folder in lost)

    def _command(self, run: TrainingRun) -> list[str]:
        return [
            sys.executable, "-m", MODULE,
            "--data", run.job.checked.dataset.uri, "--out", _out(run),
            "--tracking-uri", self._tracking_uri,
            *knobs_of(run),
        ]  # fmt: skip


def _out(run: TrainingRun) -> str:
    return str(run.folder / "out")


def _log(run: TrainingRun) -> Path:
    return run.folder / "train.log"
