"""The event ``mlops.drift.detected``: what others may answer with a retraining."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from uuid import UUID

from prefect.events import emit_event
from prefect.events.worker import EventsWorker

from tasks.errors import Transient
from tasks.monitor.records import Call

EVENT = "mlops.drift.detected"
WAIT_S = 60.0


def send(call: Call, backend: str, endpoint: str) -> None:
    """
    Hand the event to Prefect; returns when it was sent. Its id is that of the call.

    Raises:
        Transient: Prefect did not take it.
    """
    sent = emit_event(
        event=EVENT,
        resource={
            "prefect.resource.id": f"mlops.endpoint.{backend}.{endpoint}",
            "prefect.resource.name": endpoint,
            "mlops.backend": backend,
            "mlops.endpoint": endpoint,
        },
        occurred=datetime.fromtimestamp(call.at, UTC),
        payload=call.payload,
        id=UUID(call.id),
    )
    # A thread of Prefect's sends it, and waiting for that has no end of its own.
    waiting = threading.Thread(target=EventsWorker.instance().wait_until_empty, daemon=True)
    waiting.start()
    waiting.join(WAIT_S)
    if sent is None or waiting.is_alive():
        raise Transient(f"Prefect did not take the event {EVENT} within {WAIT_S:g} s; the next run "
                        "of the monitor sends it again")  # fmt: skip
