"""Runs ``python -m model.tune`` as a detached process, found again by its token."""

from __future__ import annotations

import sys
from pathlib import Path

from model.tune.result import Result
from tasks.backends.local.follow import follow
from tasks.backends.local.programs import Programs, words_of
from tasks.ports import Watch
from tasks.searches import TuningJob, TuningRun

MODULE = "model.tune"


class ProcessTuner:
    """One folder a search, named by its token: the log, and study and result in ``out``."""

    def __init__(self, state: Path, *, tracking_uri: str) -> None:
        self._searches = state / "tune"
        self._tracking_uri = tracking_uri
        self._programs = Programs(MODULE, "tuner")

    def submit(self, job: TuningJob) -> TuningRun:
        """Start the search or let it go on, unless it runs already, or made enough trials."""
        run = TuningRun(job.token, job, self._searches / job.token)
        if _ended(run):
            return run
        command = self._command(run)
        if any(words_of(each) == command for each in self._programs.running(_out(run))):
            return run
        self._programs.end(_out(run))  # it was asked for other trials, or another time
        for name in ("progress.txt", "result.json"):
            (run.folder / "out" / name).unlink(missing_ok=True)
        self._programs.start(_out(run), command, _log(run))
        return run

    def wait(self, run: TuningRun, watch: Watch) -> Result:
        """Follow the search to its end."""
        if result := _ended(run):
            return result
        told = {run.folder / "out" / "progress.txt": watch}
        follow(told, lambda: self._programs.is_alive(_out(run)))
        if result := Result.read(run.folder / "out"):
            return result
        raise self._programs.why_it_ended(_out(run), _log(run))

    def cancel(self, job: TuningJob) -> None:
        """End the search if it runs."""
        self._programs.end(str(self._searches / job.token / "out"))

    def sweep(self, keep: str | None) -> int:
        """End searches that no command waits for."""
        lost = [folder for folder in self._searches.glob("*/") if folder.name != keep]
        return sum(self._programs.end(str(folder / "out")) for folder in lost)

    def _command(self, run: TuningRun) -> list[str]:
        job = run.job
        given = {
            "trials": job.search.trials,
            "timeout-minutes": job.search.timeout_minutes,
            **job.config.model_dump(),
        }
        tags = {"token": run.token, "git_commit": job.commit or "none"}
        return [
            sys.executable, "-m", MODULE,
            "--data", job.dataset.uri, "--out", _out(run),
            "--tracking-uri", self._tracking_uri,
            "--experiment", job.dataset.name,
            "--run-name", f"tune {job.dataset.name} {run.token[:8]}",
            *[word for name, value in tags.items() for word in ("--tag", f"{name}={value}")],
            *[f"--knobs={name}" for name in job.search.knobs],
            *[f"--{n.replace('_', '-')}={v}" for n, v in given.items() if v is not None],
        ]  # fmt: skip


def _ended(run: TuningRun) -> Result | None:
    """The result of a search that made all trials that are asked for now."""
    result = Result.read(run.folder / "out")
    return result if result and len(result.trials) >= run.job.search.trials else None


def _out(run: TuningRun) -> str:
    return str(run.folder / "out")


def _log(run: TuningRun) -> Path:
    return run.folder / "tune.log"
