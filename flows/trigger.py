"""
trigger: start a deployment from a pipeline, follow it, and end as it ends.

A build starts a run once: the run's idempotency key is the build's own name, so a stage that is run
again finds the run of before. Only where that ended badly is another begun, with the next number.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flows import followed
from flows.cli import UsageError
from flows.followed import Followed, Run
from flows.reports import Report
from tasks.errors import Transient

MOST_TURNS = 100  # runs of one build
CLOSE_S = 3.0  # in which an agent that cancels a job lets us say so
# Who is one build, by the names that Azure DevOps and GitHub give it.
BUILDS = (
    ("SYSTEM_COLLECTIONURI", "SYSTEM_TEAMPROJECT", "BUILD_BUILDID"),
    ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"),
)


def run_trigger(
    deployment: str,
    settings: tuple[str, ...],
    build: str | None,
    detach: bool,
    attach: bool,
    junit: Path | None,
    summary: Path | None,
) -> int:
    """Start or find the run, follow it, report; the exit code of the run's own end."""
    if detach and attach:
        raise UsageError("--detach leaves a run alone, and --attach follows one; choose one")
    parameters, named = parameters_of(settings), build or build_of(os.environ)
    if attach and not named:
        raise UsageError("--attach has to know the build whose run it follows: give --build")
    with Followed.at(deployment) as prefect:
        key = named and key_of(named, deployment, parameters)
        run, is_new = _begun(prefect, parameters, key, attach)
        print(f"{'started' if is_new else 'found'} {deployment} as {run.name}\n{run.url}",
              flush=True)  # fmt: skip
        report = Report(deployment, run.name, run.url, junit, summary)
        report.announce(run.id)
        if detach:
            print("not followed; `trigger --attach` with the same build does that", flush=True)
            return 0
        try:
            with _cancelled_by_signals():
                end = prefect.follow(run, lambda line: print(line, flush=True))
        except KeyboardInterrupt:
            print("this job is cancelled: cancelling the run", flush=True)
            prefect.cancel(run, CLOSE_S)
            raise
        report.write(end)
        return end.code


def parameters_of(settings: tuple[str, ...]) -> dict[str, Any]:
    """
    ``config.epochs=3`` and the like as the parameters of a flow.

    Raises:
        UsageError: one is no setting.
    """
    found: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not all(part.isidentifier() for part in name.split(".")):
            raise UsageError(f"--set {setting!r} is no setting; write NAME=VALUE, or "
                             "PART.NAME=VALUE for a knob, such as config.epochs=3")  # fmt: skip
        *parts, last = name.split(".")
        place = found
        for part in parts:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise UsageError(f"--set {setting!r}: {part} was given a value before")
        place[last] = _value(text)
    return found


def build_of(environment: Mapping[str, str]) -> str | None:
    """What the pipeline's agent calls this build, if one runs us."""
    for names in BUILDS:
        if all(environment.get(name) for name in names):
            return "/".join(environment[name].strip("/") for name in names)
    return None


def key_of(build: str, deployment: str, parameters: Mapping[str, Any]) -> str:
    """One for what this build asks of this deployment; another question has another."""
    asked = json.dumps(parameters, sort_keys=True)
    return f"{build}/{deployment}/{hashlib.sha256(asked.encode()).hexdigest()[:12]}"


def _begun(
    prefect: Followed, parameters: dict[str, Any], key: str | None, attach: bool
) -> tuple[Run, bool]:
    """The run of this build, and whether it was begun just now."""
    if key is None:
        return prefect.start(parameters, None), True
    before: Run | None = None
    for turn in range(1, MOST_TURNS + 1):
        numbered = key if turn == 1 else f"{key}/{turn}"
        found = prefect.find(numbered)
        if found is None:
            if not attach:
                return prefect.start(parameters, numbered), True
            if before is None:
                raise Transient(f"no run of {prefect.deployment} was started by this build; was "
                                "it another --build, or were other parameters set?")  # fmt: skip
            return before, False
        if not followed.ended_badly(found.state):
            return found, False
        before = found
    raise Transient(f"{MOST_TURNS} runs of this build ended badly")


@contextlib.contextmanager
def _cancelled_by_signals() -> Iterator[None]:
    """An agent that cancels a job sends SIGINT, then SIGTERM, then kills: all say the same."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
