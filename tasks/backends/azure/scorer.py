"""Runs the wheel's ``python -m model.batch_score`` on Databricks; the model comes by a volume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import uuid4

from model.batch_score.report import PROGRESS
from model.batch_score.scores import SCORES_JSON, Scores
from model.folder import MANIFEST
from tasks.backends.azure.captured import folder_of
from tasks.backends.azure.jobs import Jobs, is_success
from tasks.backends.azure.settings import AzureSettings
from tasks.backends.azure.volume import Volume
from tasks.backends.azure.volume_files import FOLDER, for_cluster
from tasks.backends.azure.wheel import Wheel, libraries
from tasks.errors import Refused, Transient
from tasks.ports import Watch
from tasks.records import ModelVersion
from tasks.scorings import ScoringJob, ScoringRun

ENTRY: Final = "score"  # of the wheel: python -m model.batch_score


class DatabricksScorer:
    """One run a place at a time; with several workers they are Spark's, with one its processes."""

    def __init__(
        self, jobs: Jobs, volume: Volume, wheel: Wheel, settings: AzureSettings, state: Path
    ) -> None:
        self._jobs, self._volume, self._wheel = jobs, volume, wheel
        self._settings, self._reports = settings, state / "scorings"

    def submit(self, job: ScoringJob) -> ScoringRun:
        """Start the run, or find it; one that writes other scores to the same place is ended."""
        self._ask_for_places(job)
        run = ScoringRun(job.token, job, self._reports / job.token)
        words = self._words(run)
        for number, token in self._jobs.active(ENTRY).items():
            if token != job.token:
                continue
            if self._jobs.is_at(number, words):
                return replace(run, number=str(number))
            self._jobs.cancel(number)
            self._jobs.follow(number, lambda: None)  # only then may another write there
        self._put(job.version)
        for name in (PROGRESS, SCORES_JSON):
            self._volume.delete("scorings", job.token, name)
        number = self._jobs.submit(
            job.token, entry=ENTRY, wheel=self._wheel.path, words=words,
            libraries=libraries(*(("deltalake",) if job.scoring.format == "delta" else ())),
            is_usable=lambda _: True, workers=job.scoring.workers or 1,
            attempt=f"{uuid4().hex[:12]}-",  # a new run: the images may be others than last time
        )  # fmt: skip
        return replace(run, number=str(number))

    def wait(self, run: ScoringRun, watch: Watch) -> Scores:
        """Follow the run to its end, and fetch its report."""
        told = 0

        def look() -> None:
            nonlocal told
            text = self._volume.read("scorings", run.token, PROGRESS) or b""
            lines = text.decode().splitlines()
            for line in lines[told:]:
                watch(line)
            told = max(told, len(lines))

        ended = self._jobs.follow(int(run.number), look)
        if not is_success(ended):
            raise self._jobs.explained(ended)
        report = run.folder / "report"
        self._volume.fetch(report, "scorings", run.token)
        if scores := Scores.of(self._volume.read("scorings", run.token, SCORES_JSON)):
            return scores
        raise Transient(f"run {run.number} left no scores in the volume; it runs again")

    def cancel(self, job: ScoringJob) -> None:
        """End the run if it goes on; finished parts stay."""
        self._jobs.end(ENTRY, lambda token: token == job.token)

    def sweep(self, is_awaited: Callable[[str], bool]) -> int:
        """End runs that no command waits for."""
        return self._jobs.end(ENTRY, lambda token: not is_awaited(token))

    def _words(self, run: ScoringRun) -> list[str]:
        job, scoring = run.job, run.job.scoring
        words = [
            "--model", self._volume.path("models", job.version.digest),
            "--data", for_cluster(job.data), "--out", for_cluster(job.out),
            "--report", self._volume.path("scorings", run.token),
            f"--version-name={job.version.number}", f"--format={scoring.format}",
            f"--engine={'spark' if (scoring.workers or 1) > 1 else scoring.engine}",
        ]  # fmt: skip
        if scoring.split:
            words.append(f"--split={scoring.split}")
        if scoring.replace:
            words.append("--replace")
        if job.is_captured:
            at = f"{self._settings.container}@{self._settings.storage_account}"
            folder = folder_of(job.version.name)
            words += ["--capture", f"abfss://{at}.dfs.core.windows.net/{folder}"]
        return words

    def _put(self, version: ModelVersion) -> None:
        """The model folder into the volume, once; its manifest last, which vouches for the rest."""
        where = ("models", version.digest)
        if self._volume.has(*where, MANIFEST):
            return
        files = [path for path in version.folder.rglob("*") if path.is_file()]
        for path in sorted(files, key=lambda path: (path.name == MANIFEST, path)):
            name = path.relative_to(version.folder).as_posix()
            if not name.startswith(("checkpoints/", "scratch/")):
                self._volume.put(path.read_bytes(), *where, name)

    def _ask_for_places(self, job: ScoringJob) -> None:
        if self._settings.serverless and job.is_captured:
            raise Refused("--capture: serverless compute does not reach the captured traffic in "
                          "Blob Storage; leave it out, or unset DATABRICKS_SERVERLESS_COMPUTE_ID"
                          )  # fmt: skip
        for option, uri in (("--data", job.data), ("--out", job.out)):
            if "://" not in uri and not uri.startswith(FOLDER):
                raise Refused(f"{option} {uri} is on this machine, which Databricks does not see; "
                              "give a place in Blob Storage (az://…) or in a volume (/Volumes/…)"
                              )  # fmt: skip
            if self._settings.serverless and not for_cluster(uri).startswith(FOLDER):
                raise Refused(f"{option} {uri} is not seen by serverless compute; give a place in "
                              "a volume (/Volumes/…)")  # fmt: skip
