"""
trigger: start a deployment from a pipeline, follow it, and end as it ends.

A build starts a run once: the run's idempotency key is the build's own name, so a stage that is run
again finds the run of before. Only where that ended badly is another begun, with the next number.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from flows.agents import agent_of, harmless
from flows.asked import key_of, parameters_of
from flows.cli import UsageError
from flows.followed import Followed
from flows.patience import PATIENCE_S
from flows.reports import Report
from flows.runs import Run, ended_badly
from tasks.errors import Transient

MOST_TURNS = 100  # runs of one build
ENDS_WITHIN_S = 60.0  # usually; a run that is cancelled has 30 seconds for it


def run_trigger(
    deployment: str,
    settings: tuple[str, ...],
    build: str | None,
    detach: bool,
    attach: bool,
    cancel: bool,
    minutes: float | None,
    junit: Path | None,
    summary: Path | None,
) -> int:
    """Start or find the run, follow it, report; the exit code of the run's own end."""
    agent = agent_of(os.environ)
    if detach + attach + cancel > 1:
        raise UsageError("--detach leaves a run alone, --attach follows one, and --cancel ends it; "
                         "choose one")  # fmt: skip
    parameters, named = parameters_of(settings), build or agent.build
    if (attach or cancel) and not named:
        raise UsageError("--attach and --cancel have to know the build whose run it is: give "
                         "--build")  # fmt: skip
    try:
        with _interrupted_by_signals(), Followed.at(deployment) as prefect:
            key = named and key_of(named, deployment, parameters)
            if cancel:
                return _cancelled(prefect, str(key))
            run, is_new = _begun(prefect, parameters, key, attach)
            with _cancelled_with_the_job(prefect, run):
                print(f"{'started' if is_new else 'found'} {deployment} as {run.name}\n{run.url}",
                      flush=True)  # fmt: skip
                agent.hand_on("flowRunId", str(run.id))
                if detach:
                    print("not followed; `trigger --attach` with the same build does", flush=True)
                    return 0
                end = prefect.follow(run, _tell, minutes and minutes * 60)
            Report(deployment, run.name, run.url).write(end, agent, junit, summary)
            return end.code
    except (Transient, UsageError) as error:
        agent.complain(f"{deployment}: {error}")
        raise
    except httpx.HTTPStatusError as error:
        said = f"Prefect tells no more of this run: {error}"
        agent.complain(f"{deployment}: {said}")
        raise Transient(said) from error


def _begun(
    prefect: Followed, parameters: dict[str, Any], key: str | None, attach: bool
) -> tuple[Run, bool]:
    """The run of this build, and whether it was begun just now."""
    if key is None:  # a key all the same: an answer may be lost, and the question asked again
        return prefect.start(parameters, f"trigger/{uuid4()}"), True
    found, free = _last(prefect, key)
    if found and (attach or not ended_badly(found.state)):
        return found, False
    if attach:
        raise Transient(f"no run of {prefect.deployment} was started by this build; was it another "
                        "--build, or were other parameters set?")  # fmt: skip
    return prefect.start(parameters, free), True


def _cancelled(prefect: Followed, key: str) -> int:
    found, _ = _last(prefect, key)
    if found is None or (found.state and found.state.is_final()):
        print(f"no run of {prefect.deployment} is left of this build", flush=True)
        return 0
    print(f"cancelling {found.name}\n{found.url}", flush=True)
    prefect.cancel(found, PATIENCE_S, ENDS_WITHIN_S)
    return 0


def _last(prefect: Followed, key: str) -> tuple[Run | None, str]:
    """The last run of a build, and the key of one that would follow it."""
    found: Run | None = None
    for turn in range(1, MOST_TURNS + 1):
        numbered = key if turn == 1 else f"{key}/{turn}"
        latest = prefect.find(numbered)
        if latest is None:
            return found, numbered
        found = latest
        if not ended_badly(found.state):
            return found, numbered
    raise Transient(f"{MOST_TURNS} runs of this build ended badly")


@contextlib.contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """An agent that cancels a job sends SIGINT, then SIGTERM, then kills: the first one counts."""
    both = (signal.SIGINT, signal.SIGTERM)

    def stop(*_: object) -> None:
        for word in both:
            signal.signal(word, signal.SIG_IGN)
        raise KeyboardInterrupt

    former = {word: signal.signal(word, stop) for word in both}
    try:
        yield
    finally:
        for word, handler in former.items():
            signal.signal(word, handler)


@contextlib.contextmanager
def _cancelled_with_the_job(prefect: Followed, run: Run) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        print(f"this job is cancelled: cancelling the run {run.url}", flush=True)
        prefect.cancel(run)
        raise


def _tell(line: str) -> None:
    print(harmless(line), flush=True)
