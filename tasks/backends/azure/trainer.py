"""Runs the wheel's ``python -m model.train`` on Databricks; the model folder comes by a volume."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from model.folder import MANIFEST, NOTES, PROGRESS, ModelFolder
from tasks.backends.azure.jobs import Jobs, is_success
from tasks.backends.azure.tracking import Tracking, untold
from tasks.backends.azure.volume import Volume
from tasks.backends.azure.volume_files import for_cluster
from tasks.backends.azure.wheel import Wheel, libraries
from tasks.errors import Transient
from tasks.ports import Watch
from tasks.records import Candidate, TrainingJob, TrainingRun
from tasks.trained import candidate_of, finished, knobs_of, sentence

if TYPE_CHECKING:
    from databricks.sdk.service.jobs import Run

ENTRY = "train"  # of the wheel: python -m model.train
OF_THE_TRAINER = ("checkpoints/", "scratch/")  # what only it needs


class DatabricksTrainer:
    """One folder a run in the volume, named by the token; a copy of it here when it is done."""

    def __init__(
        self, jobs: Jobs, volume: Volume, wheel: Wheel, tracking: Tracking, state: Path
    ) -> None:
        self._jobs, self._volume, self._tracking = jobs, volume, tracking
        self.wheel = wheel
        self._runs = state / "runs"

    def require(self, workers: int) -> None:
        """Raises Refused: serverless compute would not start so many together."""
        self._jobs.require(workers)

    def submit(self, job: TrainingJob) -> TrainingRun:
        """Start the run, or find it again by its token."""
        run = TrainingRun(job.token, job, self._runs / job.token)
        if finished(run):
            return run
        number = self._jobs.submit(
            job.token, entry=ENTRY, wheel=self.wheel.path, words=self._words(run),
            libraries=libraries(), is_usable=lambda found: self._is_usable(found, run),
            workers=job.config.workers,
        )  # fmt: skip
        run.folder.mkdir(parents=True, exist_ok=True)
        return TrainingRun(job.token, job, run.folder, number=str(number))

    def wait(self, run: TrainingRun, watch: Watch) -> Candidate:
        """Follow the run to its end, and fetch what it made."""
        if folder := finished(run):
            return self._candidate(run, folder)
        ended = self._jobs.follow(int(run.number), self._looks(run, watch))
        if not is_success(ended):
            raise self._jobs.explained(ended)
        self._volume.fetch(run.folder / "out", "runs", run.token, but=OF_THE_TRAINER)
        if folder := finished(run):
            for line in untold(folder.path):
                watch(f"MLflow was not told ({line})")
            return self._candidate(run, folder)
        raise Transient(f"what run {run.number} left in the volume is not whole; it runs again")

    def known(self, job: TrainingJob) -> Candidate | None:
        """What a run of this job left, here or in the volume."""
        run = TrainingRun(job.token, job, self._runs / job.token)
        if not finished(run) and self._volume.has("runs", run.token, MANIFEST):
            self._volume.fetch(run.folder / "out", "runs", run.token, but=OF_THE_TRAINER)
        folder = finished(run)
        return self._candidate(run, folder) if folder else None

    def forget(self, job: TrainingJob) -> None:
        """Remove what the run left, there and here: the next one begins anew."""
        self.cancel(job)
        self._volume.remove("runs", job.token)
        shutil.rmtree(self._runs / job.token, ignore_errors=True)

    def cancel(self, job: TrainingJob) -> None:
        """End the run if it goes on; also one whose number nobody heard."""
        self._jobs.end(ENTRY, lambda token: token == job.token)

    def sweep(self, is_awaited: Callable[[str], bool]) -> int:
        """End runs that no release waits for: they would cost money until somebody looks."""
        return self._jobs.end(ENTRY, lambda token: not is_awaited(token))

    def lost(self, is_awaited: Callable[[str], bool]) -> list[int]:
        """The runs that ``sweep`` would end."""
        return [n for n, token in self._jobs.active(ENTRY).items() if not is_awaited(token)]

    def _looks(self, run: TrainingRun, watch: Watch) -> Callable[[], None]:
        """Tells the lines that came since it was called last; no notes of an earlier run."""
        files: dict[str, Watch] = {PROGRESS: lambda line: watch(sentence(line))}
        told = {PROGRESS: 0}
        if run.job.config.workers > 1:
            files[NOTES], told[NOTES] = watch, len(self._lines(run, NOTES))

        def look() -> None:
            for name, tell in files.items():
                lines = self._lines(run, name)
                for line in lines[told[name] :]:
                    tell(line)
                if lines:  # none, while they are written anew
                    told[name] = len(lines) if name == NOTES else max(told[name], len(lines))

        return look

    def _lines(self, run: TrainingRun, name: str) -> list[str]:
        return (self._volume.read("runs", run.token, name) or b"").decode().splitlines()

    def _words(self, run: TrainingRun) -> list[str]:
        on_driver = f"/tmp/mlops/{run.token}"  # noqa: S108 (of the cluster, which is ours alone)
        return [
            "--data", for_cluster(run.job.checked.dataset.uri), "--out", on_driver,
            "--mirror", self._volume.path("runs", run.token),
            *self._tracking.words,
            *knobs_of(run, self._tracking.experiment(run.job.checked.dataset.name)),
        ]  # fmt: skip

    def _candidate(self, run: TrainingRun, folder: ModelFolder) -> Candidate:
        return self._tracking.shown(candidate_of(run, folder))

    def _is_usable(self, found: Run, run: TrainingRun) -> bool:
        return is_success(found) and self._volume.has("runs", run.token, MANIFEST)
