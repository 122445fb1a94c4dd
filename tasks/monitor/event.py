"""The event ``mlops.drift.detected``: what others may answer with a retraining."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.events import Event, Resource

from tasks.errors import Transient
from tasks.monitor.records import Call

EVENT = "mlops.drift.detected"


def send(call: Call, backend: str, endpoint: str) -> None:
    """
    Hand the event to Prefect; returns when it has it. Its id is that of the call.

    By a request of our own: ``emit_event`` leaves it to a thread, which does not say what it lost.

    Raises:
        Transient: Prefect did not take it.
    """
    event = Event(
        event=EVENT,
        resource=Resource({
            "prefect.resource.id": f"mlops.endpoint.{backend}.{endpoint}",
            "prefect.resource.name": endpoint,
            "mlops.backend": backend,
            "mlops.endpoint": endpoint,
        }),
        occurred=datetime.fromtimestamp(call.at, UTC),
        payload=call.payload,
        id=UUID(call.id),
    )  # fmt: skip
    try:
        with get_client(sync_client=True) as client:
            client.request("POST", "/events", json=[event.model_dump(mode="json")])
    except httpx.HTTPError as error:
        raise Transient(f"Prefect did not take the event {EVENT} ({error}); the next run of the "
                        "monitor sends it again") from error  # fmt: skip
