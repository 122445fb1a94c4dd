"""Prefect as `make ui` starts it: a server with its services, the deployments, and a worker."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import ROOT
from tests.flows.conftest import Checkout, copied, free_port

FINAL = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}
FAST = {"epochs": 4, "batch_size": 8}
ENDLESS = {"epochs": 900, "patience": 0, "batch_size": 8}


@dataclass(frozen=True)
class Pages:
    """What a person sees and does on Prefect's pages, by the API that they use."""

    checkout: Checkout
    api: httpx.Client

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        for _ in range(20):
            answer = self.api.request(method, path, json=body)
            if answer.status_code != 503:  # its database is busy: Prefect's own client asks again
                break
            time.sleep(0.5)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def deployment(self, name: str) -> dict[str, Any]:
        return self.ask("GET", f"/deployments/name/{name}")

    def begin(self, name: str, /, **parameters: Any) -> str:
        """Start a run of a deployment; its id."""
        number = self.deployment(name)["id"]
        body = {"parameters": parameters}
        return self.ask("POST", f"/deployments/{number}/create_flow_run", body)["id"]

    def state(self, run: str) -> dict[str, Any]:
        return self.ask("GET", f"/flow_runs/{run}")["state"]

    def came_to(self, run: str, *states: str, seconds: float = 90) -> dict[str, Any]:
        """Wait until the run is in one of the states."""
        end = time.monotonic() + seconds
        while (state := self.state(run))["type"] not in states:
            told = f"{state['name']}: {state['message']}\n{self.log(run)}"
            assert state["type"] not in FINAL, told
            assert time.monotonic() < end, told
            time.sleep(0.3)
        return state

    def log(self, run: str) -> str:
        wanted = {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC"}
        return "\n".join(line["message"] for line in self.ask("POST", "/logs/filter", wanted))

    def cancel(self, run: str) -> None:
        asked = {"state": {"type": "CANCELLING"}, "force": False}
        self.ask("POST", f"/flow_runs/{run}/set_state", asked)

    def runs(self, name: str) -> list[dict[str, Any]]:
        wanted = {"deployments": {"id": {"any_": [self.deployment(name)["id"]]}}}
        return self.ask("POST", "/flow_runs/filter", {**wanted, "sort": "START_TIME_DESC"})

    def emit(self, event: str, resource: dict[str, str], payload: dict[str, Any]) -> None:
        self.ask("POST", "/events", [{
            "event": event, "resource": resource, "payload": payload,
            "id": str(uuid.uuid4()), "occurred": datetime.now(UTC).isoformat(),
        }])  # fmt: skip


@contextlib.contextmanager
def opened(place: Path, ending: int = signal.SIGINT) -> Iterator[Pages]:
    """The pages of a checkout on which nothing was released, until the signal ``ending``."""
    checkout = copied(place, url="")
    (checkout.root / "prefect.yaml").write_text((ROOT / "prefect.yaml").read_text())
    port = free_port()
    begun = checkout.start("ui", "--port", port, PREFECT_WORKER_QUERY_SECONDS="2")
    said = ""
    for line in begun.stdout or ():
        said += line
        if "Ctrl-C" in line:
            break
    assert re.search(r"set up +\d+ things made", said), said
    # Read on: a pipe that is full would hold up the server and its worker.
    reader = threading.Thread(target=lambda: deque(begun.stdout or (), maxlen=0), daemon=True)
    reader.start()
    url = f"http://127.0.0.1:{port}/api"
    with httpx.Client(base_url=url, timeout=20, trust_env=False) as api:
        try:
            yield Pages(Checkout(checkout.root, url), api)
        finally:
            begun.send_signal(ending)
            begun.wait(timeout=60)
            reader.join(10)
            checkout("stop")
