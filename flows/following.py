"""Following a run to its end: its log, its states, and what its steps came to."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flows.log_lines import LogLines
from flows.patience import PAUSE_S, patiently
from flows.runs import End, Run, end_of
from tasks.errors import Transient

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, State, TaskRun


def follow(
    client: SyncPrefectClient, run: Run, tell: Callable[[str], None], within_s: float | None
) -> End:
    """
    Tell what the run's log says until it has ended.

    Args:
        within_s: for which to do so, and not while the run waits for a person; without it for as
            long as it takes.

    Raises:
        Transient: it has not ended within that time, was deleted, or the server was away for too
            long.
    """
    began, was, log = time.monotonic(), "", LogLines(client, run.id)
    while True:
        found = patiently(lambda: _read(client, run))
        for line in log.new():
            tell(line)
        state = found.state
        if state and state.name and state.name != was:
            was = state.name
            tell(f"{'':8}  the run is {was}")
        if state and state.is_final():
            time.sleep(PAUSE_S)  # the last lines come a moment after the state
            for line in log.new():
                tell(line)
            return end_of(found, state, _tasks(client, found))
        if within_s is not None:
            _require_soon(run, state, within_s - (time.monotonic() - began))
        time.sleep(PAUSE_S)


def _read(client: SyncPrefectClient, run: Run) -> FlowRun:
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_flow_run(run.id)
    except ObjectNotFound as error:
        raise Transient(f"{run.name} is not known to Prefect any more: somebody deleted it, at "
                        f"{run.url}") from error  # fmt: skip


def _require_soon(run: Run, state: State[Any] | None, left_s: float) -> None:
    if state and state.is_paused():
        raise Transient(f"{run.name} waits for a person, who answers at {run.url}. Run this job "
                        "again after that")  # fmt: skip
    if left_s < 0:
        raise Transient(f"{run.name} is {state.name if state else 'begun'} and was left so: "
                        f"{run.url}. Run this job again to follow it further")  # fmt: skip


def _tasks(client: SyncPrefectClient, run: FlowRun) -> list[TaskRun]:
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    wanted = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
    return patiently(lambda: client.read_task_runs(flow_run_filter=wanted))
