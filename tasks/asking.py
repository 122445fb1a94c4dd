"""A question to a person: the flow run pauses, its page shows a form, the answer comes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID, uuid4

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.context import FlowRunContext
from prefect.input import RunInput, keyset_from_paused_state
from prefect.states import Paused, Running
from pydantic import Field

from tasks.errors import Refused, Transient

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

T = TypeVar("T")

LOOK_S = 2.0
SPARE_S = 600  # for which Prefect itself still waits: the refusal shall be ours, with its reason
AWAY_S = 600.0  # for which the server may be away
LONGEST = 200  # signs; tags of Azure hold 256


class Answer(RunInput):
    """The form that a paused release shows."""

    # A switch: in the form of a paused run, Prefect's drop-down lists cannot be opened.
    release: bool = Field(
        title="Release it", description="On: it goes live. Off: it is refused, and what serves "
        "now goes on.", default=False,
    )  # fmt: skip
    by: str = Field(
        title="Who decides", description="Your name; it stays with the version, and in the "
        "evidence. Whoever started the release cannot approve it.",
        min_length=1, max_length=LONGEST, pattern=r"\S",
    )  # fmt: skip
    why: str = Field(
        title="Why", description="The reason, for those who ask later.",
        min_length=1, max_length=LONGEST, pattern=r"\S",
    )  # fmt: skip


def ask(run: FlowRun, description: str, within_s: float) -> Answer | None:
    """
    What a person said; ``None`` if nobody did in time. The form is there before the run pauses.

    Args:
        description: Markdown above the form.

    Raises:
        Refused: somebody ended the run by hand.
        Transient: the server was away for too long.
    """
    paused: State[None] = Paused(timeout_seconds=int(within_s) + SPARE_S, pause_key=str(uuid4()))
    keys = keyset_from_paused_state(paused)
    paused.state_details.run_input_keyset = cast(dict[str, str], keys)
    form = Answer.with_initial_data(description=description)
    form.save(keys, flow_run_id=run.id)
    with get_client(sync_client=True) as client:
        _require(client, run.id, paused)
        until = time.monotonic() + within_s
        while not (resumed := _is_resumed(client, run.id)) and time.monotonic() < until:
            time.sleep(min(LOOK_S, within_s))
        if resumed:
            return _heard(lambda: cast(Answer, form.load(keys, flow_run_id=run.id)))
        # What follows is an end like any other refusal.
        _heard(lambda: _require(client, run.id, Running()))
    return None


def _is_resumed(client: SyncPrefectClient, run: UUID) -> bool:
    """
    A server that is away has not answered yet.

    Raises:
        Refused: somebody ended the run by hand.
    """
    try:
        state = client.read_flow_run(run).state
    except httpx.HTTPError:
        return False
    if state and state.is_final():
        raise Refused(f"the run was set to {state.name} while it waited for a person")
    return bool(state and state.is_running())


def _heard(ask: Callable[[], T]) -> T:
    """
    What the server says; it may be away when a person has just answered.

    Raises:
        Transient: it was away for too long.
    """
    until = time.monotonic() + AWAY_S
    while True:
        try:
            return ask()
        except httpx.HTTPError as error:
            if time.monotonic() > until:
                raise Transient(f"Prefect did not say within {AWAY_S:g} s what was answered: "
                                f"{error}") from error  # fmt: skip
            time.sleep(LOOK_S)


def _require(client: SyncPrefectClient, run: UUID, state: Any) -> None:
    done = client.set_flow_run_state(run, state)
    if done.status != SetStateStatus.ACCEPT:
        raise RuntimeError(f"Prefect did not let the run be {state.name}: {done.details}")


def this_run() -> FlowRun:
    """The flow run that asks."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("an approval is asked for inside a flow")
    return context.flow_run
