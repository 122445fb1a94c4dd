"""
A step is a Prefect task with the house rules.

Transient errors are retried with jitter and back-off; a refusal is a state named "Refused" with its
reasons and no traceback; a step that had nothing to do ends in a state named "Skipped".
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar, cast

from prefect import get_run_logger
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed, Failed
from prefect.tasks import Task, exponential_backoff

from tasks.errors import Refused, Transient
from tasks.timeline import note

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Skipped(Generic[R]):
    """What a step returns inside when an earlier run already proved ``record``."""

    record: R
    why: str


class Step(Task[P, R]):
    """A task whose call answers with its record, or raises, whatever the name of its state."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:  # type: ignore[override]
        """Run now. Prefect would answer with a state where the step ended in one of its own."""
        answer: Any = super().__call__(*args, **kwargs)
        return cast(R, answer.result() if isinstance(answer, State) else answer)


def step(
    *, name: str, timeout_s: float | None, run_name: str | None = None, retries: int = 3
) -> Callable[[Callable[P, R | Skipped[R]]], Step[P, R]]:
    """
    Turn a function into a retryable step.

    Ports hold clients, which cannot be hashed: the stages keep their own ledger by digest of inputs
    (docs/adr/0003), so Prefect's cache is off. There are no tags either: for each run of a task
    that has some, Prefect waits for a lease of its server, half of the time of a release in which
    nothing changed.
    """

    def decorate(function: Callable[P, R | Skipped[R]]) -> Step[P, R]:
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> Any:
            began = time.monotonic()
            try:
                answer = function(*args, **kwargs)
            except Refused as refused:
                note(name, "refused", began, why=str(refused))
                return Failed(name="Refused", message=str(refused), data=refused)
            except BaseException as error:
                note(name, "failed", began, why=str(error))
                raise
            if isinstance(answer, Skipped):
                note(name, "skipped", began, why=answer.why, record=answer.record)
                return Completed(name="Skipped", message=answer.why, data=answer.record)
            note(name, "done", began, record=answer)
            return answer

        return Step(
            run,
            name=name,
            task_run_name=run_name,
            cache_policy=NO_CACHE,
            persist_result=False,
            retries=retries,
            retry_delay_seconds=exponential_backoff(2),
            retry_jitter_factor=0.5,
            retry_condition_fn=may_work_later,
            timeout_seconds=timeout_s,
        )

    return decorate


def may_work_later(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Retry ``Transient`` only, after the wait that the other side asked for."""
    error = state.data.result if hasattr(state.data, "result") else state.data
    if not isinstance(error, Transient):
        return False
    time.sleep(min(error.retry_after_s, 120))
    return True


def say(text: str) -> None:
    """Tell the reader of the run, in the Prefect UI and in the terminal, what happens."""
    get_run_logger().info(text, extra={"mlops": True})
