"""Runs of a deployment, begun and followed from outside by Prefect's API."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

import httpx

from flows.cli import UsageError
from flows.following import follow
from flows.patience import PATIENCE_S, patiently
from flows.runs import End, Run
from tasks.errors import Transient

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, State

CLOSE_S = 3.0  # of the ten seconds that an agent leaves us, once its job is cancelled
WATCHED_S = 4.0  # more of them, to see whether the run has heard it
PAUSE_S = 0.2


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
            UsageError: no server is named, it lets nobody in, or it has no such deployment.
            Transient: it does not answer.
        """
        from prefect.client.orchestration import get_client
        from prefect.exceptions import ObjectNotFound
        from prefect.settings import PREFECT_API_URL

        address = PREFECT_API_URL.value()
        if not address:
            raise UsageError("PREFECT_API_URL names no server: set it to that which has the "
                             "deployment (`make ui` starts one here)")  # fmt: skip
        if deployment.count("/") != 1:
            raise UsageError(f"{deployment!r} is no deployment; write FLOW/DEPLOYMENT, such as "
                             "release/local")  # fmt: skip
        with get_client(sync_client=True) as client:
            try:
                found = patiently(lambda: client.read_deployment_by_name(deployment))
            except ObjectNotFound:
                listed = ", ".join(_deployments(client)) or "none"
                raise UsageError(f"there is no deployment {deployment} at {address}; there are: "
                                 f"{listed}") from None  # fmt: skip
            except httpx.HTTPStatusError as error:
                raise UsageError(
                    f"{address} says {error.response.status_code}: is that "
                    "Prefect's API, and PREFECT_API_KEY (Prefect Cloud) or "
                    "PREFECT_API_AUTH_STRING what it asks for?"
                ) from error
            yield cls(client, deployment, found.id)

    def start(self, parameters: dict[str, Any], key: str) -> Run:
        """
        Begin a run; that of before, if the key was used then.

        Raises:
            UsageError: the flow does not take such parameters.
        """
        try:
            return _run(patiently(
                lambda: self._client.create_flow_run_from_deployment(
                    self._number, parameters=parameters, idempotency_key=key
                )
            ))  # fmt: skip
        except httpx.HTTPStatusError as error:
            if error.response.status_code in (409, 422):
                raise UsageError(f"{self.deployment} does not take these parameters: "
                                 f"{_detail(error.response)}") from error  # fmt: skip
            raise Transient(f"Prefect refused to begin {self.deployment}: {error}") from error
        except KeyboardInterrupt:  # the answer is lost, so that nobody else would cancel it
            if lost := self.find(key, CLOSE_S):
                self.cancel(lost)
            raise

    def find(self, key: str, patience_s: float = PATIENCE_S) -> Run | None:
        """The run of that key."""
        from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterIdempotencyKey

        wanted = FlowRunFilter(idempotency_key=FlowRunFilterIdempotencyKey(any_=[key]))
        found = patiently(lambda: self._client.read_flow_runs(flow_run_filter=wanted), patience_s)
        return _run(found[0]) if found else None

    def follow(self, run: Run, tell: Callable[[str], None], within_s: float | None) -> End:
        """Tell what the run's log says until it has ended (``flows.following``)."""
        return follow(self._client, run, tell, within_s)

    def cancel(self, run: Run, within_s: float = CLOSE_S, watched_s: float = WATCHED_S) -> None:
        """
        Ask Prefect to cancel it; its worker does so, and its hooks cancel what it started.

        A run whose process is about to begin does not hear it, and says that it runs. So it is
        looked at for some seconds more, and told again.

        Raises:
            Transient: nobody answered in that time.
        """
        from prefect.client.orchestration import get_client
        from prefect.exceptions import ObjectNotFound
        from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
        from prefect.states import Cancelling

        until = time.monotonic() + within_s
        # A new connection that gives up soon: that of before may hang, and time is short.
        with (
            temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
            get_client(sync_client=True, httpx_settings={"timeout": min(within_s, 30.0)}) as client,
            contextlib.suppress(ObjectNotFound),  # somebody deleted it: nothing of it goes on
        ):
            while True:
                try:
                    client.set_flow_run_state(run.id, Cancelling())  # one that ended stays so
                    break
                except httpx.HTTPError as error:
                    if time.monotonic() > until:
                        raise Transient(f"the run could not be cancelled ({error}); do it at "
                                        f"{run.url}") from error  # fmt: skip
                    time.sleep(PAUSE_S)
            until = time.monotonic() + watched_s
            while time.monotonic() < until:
                with contextlib.suppress(httpx.HTTPError):
                    if _told_again(client, run).is_final():
                        return
                time.sleep(PAUSE_S)


def _told_again(client: SyncPrefectClient, run: Run) -> State[Any]:
    """The state that it was in, if that is not to be its last one."""
    from prefect.states import Cancelling, Pending

    state = client.read_flow_run(run.id).state or Pending()
    if not (state.is_final() or state.is_cancelling()):
        client.set_flow_run_state(run.id, Cancelling())
    return state


def _run(found: FlowRun) -> Run:
    from tasks.artifacts import page_of_run

    return Run(found.id, found.name, page_of_run(found.id), found.state)


def _deployments(client: SyncPrefectClient) -> list[str]:
    """Names of those that there are; none where no API of Prefect answers."""
    try:
        flows = {each.id: each.name for each in client.read_flows()}
        found = client.read_deployments()
    except (httpx.HTTPError, ValueError):
        return []
    return sorted(f"{flows.get(each.flow_id, '?')}/{each.name}" for each in found)


def _detail(answer: httpx.Response) -> str:
    with contextlib.suppress(ValueError):
        return str(answer.json().get("detail"))
    return answer.text
