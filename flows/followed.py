"""A run of a deployment, seen from outside by Prefect's API; patient with a server that is away."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar
from uuid import UUID

import httpx

from flows.cli import UsageError
from tasks.errors import Transient

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, Log, State, TaskRun

T = TypeVar("T")
LOOK_S = 2.0
PATIENCE_S = 600.0  # that the server may be away
PAGE = 200  # log lines that the server gives at once
CODES = {"COMPLETED": 0, "CANCELLED": 130, "CRASHED": 4}
NAMED = {"Refused": 3, "Unavailable": 4, "TimedOut": 4}


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
    """How a run ended; ``code`` is that of the command line."""

    code: int
    verdict: str
    why: str
    seconds: float
    stages: tuple[Stage, ...]


class Followed:
    """
    Runs of one deployment.

    Args:
        deployment: flow and deployment, such as release/local.
    """

    def __init__(self, client: SyncPrefectClient, deployment: str, number: UUID) -> None:
        self._client, self.deployment, self._number = client, deployment, number

    @classmethod
    @contextlib.contextmanager
    def at(cls, deployment: str) -> Iterator[Self]:
        """
        Where PREFECT_API_URL says.

        Raises:
            UsageError: no server is named, or it has no such deployment.
            Transient: it does not answer.
        """
        from prefect.client.orchestration import get_client
        from prefect.exceptions import ObjectNotFound
        from prefect.settings import PREFECT_API_URL

        if not PREFECT_API_URL.value():
            raise UsageError("PREFECT_API_URL names no server: set it to that which has the "
                             "deployment (`make ui` starts one here)")  # fmt: skip
        if deployment.count("/") != 1:
            raise UsageError(f"{deployment!r} is no deployment; write FLOW/DEPLOYMENT, such as "
                             "release/local")  # fmt: skip
        with get_client(sync_client=True) as client:
            try:
                found = _patiently(lambda: client.read_deployment_by_name(deployment))
            except ObjectNotFound:
                listed = ", ".join(_deployments(client)) or "none"
                raise UsageError(f"there is no deployment {deployment}; there are: {listed}"
                                 ) from None  # fmt: skip
            yield cls(client, deployment, found.id)

    def start(self, parameters: dict[str, Any], key: str | None) -> Run:
        """
        Begin a run; with a key that was used before, it is the run of then.

        Raises:
            UsageError: the flow does not take such parameters.
        """
        try:
            return _run(_patiently(
                lambda: self._client.create_flow_run_from_deployment(
                    self._number, parameters=parameters, idempotency_key=key
                )
            ))  # fmt: skip
        except httpx.HTTPStatusError as error:
            if error.response.status_code in (409, 422):
                raise UsageError(f"{self.deployment} does not take these parameters: "
                                 f"{_detail(error.response)}") from error  # fmt: skip
            raise Transient(f"Prefect refused to begin {self.deployment}: {error}") from error

    def find(self, key: str) -> Run | None:
        """The run of that key."""
        from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterIdempotencyKey

        wanted = FlowRunFilter(idempotency_key=FlowRunFilterIdempotencyKey(any_=[key]))
        found = _patiently(lambda: self._client.read_flow_runs(flow_run_filter=wanted))
        return _run(found[0]) if found else None

    def follow(self, run: Run, tell: Callable[[str], None]) -> End:
        """
        Tell what the run's log says until it has ended.

        Raises:
            Transient: the server was away for too long.
        """
        told, was = 0, ""
        while True:
            found = _patiently(lambda: self._client.read_flow_run(run.id))
            told = self._tell_log(run, told, tell)
            state = found.state
            if state and state.name and state.name != was:
                was = state.name
                tell(f"{'':8}  the run is {was}")
            if state and state.is_final():
                time.sleep(LOOK_S)  # the last lines come a moment after the state
                self._tell_log(run, told, tell)
                return self._end(found, state)
            time.sleep(LOOK_S)

    def cancel(self, run: Run, within_s: float) -> None:
        """Ask Prefect to cancel it; its worker does so, and its hooks cancel what it started."""
        from prefect.states import Cancelling

        until = time.monotonic() + within_s
        while True:
            try:
                self._client.set_flow_run_state(run.id, Cancelling())
            except httpx.HTTPError as error:
                if time.monotonic() > until:
                    raise Transient(f"the run could not be cancelled ({error}); do it at {run.url}"
                                    ) from error  # fmt: skip
                time.sleep(0.2)
            else:
                return

    def _tell_log(self, run: Run, told: int, tell: Callable[[str], None]) -> int:
        """Tell what came since; how much was told in all."""
        from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
        from prefect.client.schemas.sorting import LogSort

        wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id]))

        def read() -> list[Log]:
            return self._client.read_logs(
                wanted, limit=PAGE, offset=told, sort=LogSort.TIMESTAMP_ASC
            )

        while True:
            lines = _patiently(read)
            for line in lines:
                tell(f"{line.timestamp:%H:%M:%S}  {line.message}")
            told += len(lines)
            if len(lines) < PAGE:
                return told

    def _end(self, run: FlowRun, state: State[Any]) -> End:
        from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

        wanted = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
        tasks = _patiently(lambda: self._client.read_task_runs(flow_run_filter=wanted))
        begun = sorted((each for each in tasks if each.start_time), key=_start)
        code = code_of(state)
        return End(
            code, verdict_of(state), (state.message or "") if code else "",
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


def _run(found: FlowRun) -> Run:
    from tasks.artifacts import page_of_run

    return Run(found.id, found.name, page_of_run(found.id), found.state)


def _deployments(client: SyncPrefectClient) -> list[str]:
    flows = {each.id: each.name for each in client.read_flows()}
    return sorted(f"{flows[each.flow_id]}/{each.name}" for each in client.read_deployments())


def _patiently(ask: Callable[[], T]) -> T:
    """
    What the server says, once it is there again.

    Raises:
        Transient: it was away for too long.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except httpx.HTTPStatusError as error:
            if error.response.status_code < 500:
                raise
            said = f"it says {error.response.status_code}"
        except httpx.TransportError as error:
            said = str(error) or type(error).__name__
        if time.monotonic() > until:
            raise Transient(f"Prefect's server was away for {PATIENCE_S:g} s: {said}")
        time.sleep(LOOK_S)


def _detail(answer: httpx.Response) -> str:
    with contextlib.suppress(ValueError):
        return str(answer.json().get("detail"))
    return answer.text
