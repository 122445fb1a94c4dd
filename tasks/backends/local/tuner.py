"""Runs ``python -m model.tune`` as a detached process, found again by its token."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil

from model.tune.result import Result
from tasks.backends.local.follow import follow
from tasks.backends.local.processes import end, running, start_detached, why_it_ended
from tasks.ports import Watch
from tasks.searches import TuningJob, TuningRun

MODULE = "model.tune"
PATIENCE_S = 10.0


class ProcessTuner:
    """One folder a search, named by its token: the log, and study and result in ``out``."""

    def __init__(self, state: Path, *, tracking_uri: str) -> None:
        self._searches = state / "tune"
        self._tracking_uri = tracking_uri
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def submit(self, job: TuningJob) -> TuningRun:
        """Start the search or let it go on, unless it runs already, or made enough trials."""
        run = TuningRun(job.token, job, self._searches / job.token)
        if _ended(run):
            return run
        command = self._command(run)
        for process in running(MODULE, _out(run)):
            if _words(process) == command:
                return run
            end(process, patience_s=PATIENCE_S)  # it was asked for other trials, or another time
        for name in ("progress.txt", "result.json"):
            (run.folder / "out" / name).unlink(missing_ok=True)
        self._children[run.token] = start_detached(command, _log(run))
        return run

    def wait(self, run: TuningRun, watch: Watch) -> Result:
        """Follow the search to its end."""
        if result := _ended(run):
            return result
        follow(run.folder / "out" / "progress.txt", lambda: self._is_alive(run), watch)
        if result := Result.read(run.folder / "out"):
            return result
        child = self._children.pop(run.token, None)
        raise why_it_ended("tuner", child.returncode if child else None, _log(run))

    def cancel(self, job: TuningJob) -> None:
        """End the search if it runs."""
        for process in running(MODULE, str(self._searches / job.token / "out")):
            end(process, patience_s=PATIENCE_S)

    def sweep(self, keep: str | None) -> int:
        """End searches that no command waits for."""
        ended = 0
        for folder in self._searches.glob("*/"):
            if folder.name != keep:
                for process in running(MODULE, str(folder / "out")):
                    end(process, patience_s=PATIENCE_S)
                    ended += 1
        return ended

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

    def _is_alive(self, run: TuningRun) -> bool:
        if child := self._children.get(run.token):
            return child.poll() is None
        return bool(running(MODULE, _out(run)))


def _ended(run: TuningRun) -> Result | None:
    """The result of a search that made all trials that are asked for now."""
    result = Result.read(run.folder / "out")
    return result if result and len(result.trials) >= run.job.search.trials else None


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _out(run: TuningRun) -> str:
    return str(run.folder / "out")


def _log(run: TuningRun) -> Path:
    return run.folder / "tune.log"
