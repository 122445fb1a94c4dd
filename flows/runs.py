"""What a flow run is to those who look at it from outside: how it ended, and why, in our words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun, State, TaskRun

CODES = {"COMPLETED": 0, "CANCELLED": 130, "CRASHED": 4}
NAMED = {"Refused": 3, "Unavailable": 4, "TimedOut": 4}
WELL = ("done", "skipped", "cached")


@dataclass(frozen=True)
class Run:
    """A flow run; ``state`` is what it was when it was looked at."""

    id: UUID
    name: str
    url: str
    state: State[Any] | None


@dataclass(frozen=True)
class Stage:
    """
    A step of a run that has ended, or was never ended.

    Attributes:
        verdict: done, skipped, refused, failed, or what Prefect calls its state.
        why: the reason, if there is one.
    """

    name: str
    verdict: str
    seconds: float
    why: str


@dataclass(frozen=True)
class End:
    """
    How a run ended.

    Attributes:
        code: that of the command line.
        began: when it did, if it ever did.
    """

    code: int
    verdict: str
    why: str
    began: datetime | None
    seconds: float
    stages: tuple[Stage, ...]


def end_of(run: FlowRun, state: State[Any], tasks: list[TaskRun]) -> End:
    """How it ended, with its steps in the order in which they began."""
    code = code_of(state)
    begun = sorted((each for each in tasks if each.start_time), key=_start)
    return End(
        code, verdict_of(state), (state.message or "") if code else "", run.start_time,
        run.total_run_time.total_seconds(), tuple(map(_stage, begun)),
    )  # fmt: skip


def code_of(state: State[Any]) -> int:
    """The exit code that the command line has for a run that ended so."""
    return NAMED.get(state.name or "", CODES.get(state.type.value, 1))


def verdict_of(state: State[Any]) -> str:
    """One word."""
    return {"Completed": "done"}.get(state.name or "", (state.name or state.type.value).lower())


def ended_badly(state: State[Any] | None) -> bool:
    """Has it ended, and not well?"""
    return bool(state and state.is_final() and not state.is_completed())


def _stage(run: TaskRun) -> Stage:
    state = run.state
    verdict = verdict_of(state) if state else "unknown"
    why = (state.message or "") if state and verdict != "done" else ""
    return Stage(run.name, verdict, run.total_run_time.total_seconds(), why)


def _start(run: TaskRun) -> Any:
    return run.start_time
