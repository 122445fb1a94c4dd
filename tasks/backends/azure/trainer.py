"""Runs the wheel's ``python -m model.train`` on Databricks; the model folder comes by a volume."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from model.folder import MANIFEST, ModelFolder
from tasks.backends.azure.jobs import Jobs, code_of, is_success
from tasks.backends.azure.outcomes import explained
from tasks.backends.azure.tracking import Tracking, untold
from tasks.backends.azure.volume import Volume
from tasks.backends.azure.volume_files import for_cluster
from tasks.backends.azure.wheel import ENTRY, build_wheel, libraries
from tasks.errors import Transient
from tasks.ports import Watch
from tasks.records import Candidate, TrainingJob, TrainingRun
from tasks.trained import candidate_of, finished, knobs_of, sentence

if TYPE_CHECKING:
    from databricks.sdk.service.jobs import Run

OUTPUT = 6000  # signs of a failed task's output that are shown


class DatabricksTrainer:
    """One folder a run in the volume, named by the token; a copy of it here when it is done."""

    def __init__(self, jobs: Jobs, volume: Volume, tracking: Tracking, state: Path) -> None:
        self._jobs, self._volume, self._tracking = jobs, volume, tracking
        self._runs = state / "runs"

    def submit(self, job: TrainingJob) -> TrainingRun:
        """Start the run, or find it again by its token."""
        run = TrainingRun(job.token, job, self._runs / job.token)
        if finished(run):
            return run
        number = self._jobs.submit(
            job.token, entry=ENTRY, wheel=self._wheel, words=self._words(run),
            libraries=libraries(), is_usable=lambda found: self._is_usable(found, run),
            workers=job.config.workers,
        )  # fmt: skip
        run.folder.mkdir(parents=True, exist_ok=True)
        return TrainingRun(job.token, job, run.folder, number=str(number))

    def wait(self, run: TrainingRun, watch: Watch) -> Candidate:
        """Follow the run to its end, and fetch what it made."""
        if folder := finished(run):
            return self._candidate(run, folder)
        told = 0

        def look() -> None:
            nonlocal told
            lines = (self._volume.read("runs", run.token, "progress.jsonl") or b"").splitlines()
            for line in lines[told:]:
                watch(sentence(line.decode()))
            told = max(told, len(lines))

        ended = self._jobs.follow(int(run.number), look)
        if not is_success(ended):
            code, message = code_of(ended)
            output = self._jobs.output(ended)[-OUTPUT:]
            raise explained(code, message, str(ended.run_page_url), output)
        self._volume.fetch(run.folder / "out", "runs", run.token)
        if folder := finished(run):
            for line in untold(folder.path):
                watch(f"MLflow was not told ({line})")
            return self._candidate(run, folder)
        raise Transient(f"what run {run.number} left in the volume is not whole; it runs again")

    def known(self, job: TrainingJob) -> Candidate | None:
        """What a run of this job left, here or in the volume."""
        run = TrainingRun(job.token, job, self._runs / job.token)
        if not finished(run) and self._volume.has("runs", run.token, MANIFEST):
            self._volume.fetch(run.folder / "out", "runs", run.token)
        folder = finished(run)
        return self._candidate(run, folder) if folder else None

    def forget(self, job: TrainingJob) -> None:
        """Remove what the run left, there and here: the next one begins anew."""
        self.cancel(job)
        self._volume.remove("runs", job.token)
        shutil.rmtree(self._runs / job.token, ignore_errors=True)

    def cancel(self, job: TrainingJob) -> None:
        """End the run if it goes on; also one whose number nobody heard."""
        for number, token in self._jobs.active(ENTRY).items():
            if token == job.token:
                self._jobs.cancel(number)

    def sweep(self, is_awaited: Callable[[str], bool]) -> int:
        """End runs that no release waits for: they would cost money until somebody looks."""
        ended = 0
        for number, token in self._jobs.active(ENTRY).items():
            if not is_awaited(token):  # asked just before: a release may find it again any moment
                self._jobs.cancel(number)
                ended += 1
        return ended

    def lost(self, is_awaited: Callable[[str], bool]) -> list[int]:
        """The runs that ``sweep`` would end."""
        return [n for n, token in self._jobs.active(ENTRY).items() if not is_awaited(token)]

    def wheel(self) -> tuple[str, bool]:
        """The path of this code's wheel in the volume, and whether it is there."""
        parts = self._built[0]
        return self._volume.path(*parts), self._volume.has(*parts)

    @cached_property
    def _wheel(self) -> str:
        """The path of the wheel in the volume; uploaded once for each content."""
        path, is_there = self.wheel()
        if not is_there:
            parts, data = self._built
            self._volume.put(data, *parts)
        return path

    @cached_property
    def _built(self) -> tuple[tuple[str, str, str], bytes]:
        name, data = build_wheel()
        return ("wheels", hashlib.sha256(data).hexdigest()[:16], name), data

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
