"""Runs ``python -m model.batch_score`` as a detached process, found again by where it writes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from model.batch_score.report import PROGRESS
from model.batch_score.scores import SCORES_JSON, Scores
from model.spark_here import environment, lacking
from tasks.backends.local.follow import follow
from tasks.backends.local.processes import REFUSED, tail, why_it_ended
from tasks.backends.local.programs import Programs, words_of
from tasks.errors import Refused, Transient
from tasks.ports import Watch
from tasks.scorings import ScoringJob, ScoringRun

MODULE = "model.batch_score"
FAILED = 4  # exit code: the storage or a process failed, and the same command goes on


class ProcessScorer:
    """One folder a place, named by the token: the log, and the report of the newest run."""

    def __init__(self, state: Path) -> None:
        self._runs, self._endpoints = state / "scorings", state / "endpoints"
        self._programs = Programs(MODULE, "scorer")

    def submit(self, job: ScoringJob) -> ScoringRun:
        """Start the run, or find it; one that writes other scores to the same place is ended."""
        run = ScoringRun(job.token, job, self._runs / job.token)
        if job.scoring.engine == "spark" and (why := lacking()):
            raise Refused(why)
        command, at = self._command(run), _report(run)
        if any(words_of(each) == command for each in self._programs.running(at)):
            return run
        self._programs.end(at)
        for name in (PROGRESS, SCORES_JSON):
            (run.folder / "report" / name).unlink(missing_ok=True)
        self._programs.start(at, command, _log(run), _environment(job, run))
        return run

    def wait(self, run: ScoringRun, watch: Watch) -> Scores:
        """Follow the run to its end."""
        report, at = run.folder / "report", _report(run)
        follow({report / PROGRESS: watch}, lambda: self._programs.is_alive(at))
        if scores := _scores(report / SCORES_JSON):
            return scores
        raise self._explain(run)

    def cancel(self, job: ScoringJob) -> None:
        """End the run if it runs."""
        self._programs.end(str(self._runs / job.token / "report"))

    def sweep(self, is_awaited: Callable[[str], bool]) -> int:
        """End runs that no command waits for."""
        lost = [folder for folder in self._runs.glob("*/") if not is_awaited(folder.name)]
        return sum(bool(self._programs.end(str(folder / "report"))) for folder in lost)

    def _command(self, run: ScoringRun) -> list[str]:
        job, version = run.job, run.job.version
        given = job.scoring.model_dump(exclude_none=True, exclude={"replace"})
        traffic = self._endpoints / version.name / "traffic"
        return [
            sys.executable, "-m", MODULE,
            "--model", str(version.folder), "--data", job.data, "--out", job.out,
            "--version-name", str(version.number), "--report", _report(run),
            *[f"--{name}={value}" for name, value in given.items()],
            *(["--replace"] if job.scoring.replace else []),
            *(["--capture", str(traffic)] if job.is_captured else []),
        ]  # fmt: skip

    def _explain(self, run: ScoringRun) -> Exception:
        """The program's own last word, where it had one."""
        code = self._programs.exit_code(_report(run))
        lines = tail(_log(run)).splitlines()
        for last, kind, word in ((REFUSED, Refused, "refused: "), (FAILED, Transient, "failed: ")):
            said = [line for line in lines if line.startswith(word)]
            if code == last and said:
                return kind(said[-1].removeprefix(word))
        return why_it_ended("scorer", code, _log(run))


def _environment(job: ScoringJob, run: ScoringRun) -> dict[str, str]:
    if job.scoring.engine != "spark":
        return dict(os.environ)
    (run.folder / "scratch").mkdir(parents=True, exist_ok=True)
    there = environment(job.scoring.processes, scratch=run.folder / "scratch")
    return {**os.environ, **there}


def _scores(file: Path) -> Scores | None:
    try:
        return Scores.of(file.read_bytes())
    except OSError:
        return None


def _report(run: ScoringRun) -> str:
    return str(run.folder / "report")


def _log(run: ScoringRun) -> Path:
    return run.folder / "score.log"
