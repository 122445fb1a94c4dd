"""Events, schedules, what waits, cancelling and notices: the real server with its worker."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.flows.conftest import processes_of, until
from tests.flows.pages import ENDLESS, Pages

pytestmark = pytest.mark.slow

SLOW = """
import time

import pytest

pytestmark = pytest.mark.gate


def test_that_takes_long():
    time.sleep(300)
"""


def test_drift_starts_a_release_of_that_data_within_half_a_minute(pages, pictures):
    began = time.monotonic()
    before = {run["id"] for run in pages.runs("release/local")}

    def new() -> list[dict[str, Any]]:
        return [run for run in pages.runs("release/local") if run["id"] not in before]

    pages.emit(
        "mlops.drift.detected",
        {"prefect.resource.id": "mlops.endpoint.local.light", "mlops.backend": "local"},
        {"data": str(pictures), "endpoint": "light"},
    )
    until(lambda: any(run["state"]["type"] != "SCHEDULED" for run in new()), seconds=30)
    took_s = time.monotonic() - began

    (run,) = new()
    pages.came_to(run["id"], "COMPLETED", seconds=180)
    assert took_s < 30
    assert run["created_by"]["display_value"] == "release/local: drift"
    assert run["parameters"] == {"data": str(pictures), "name": "light"}


def test_a_schedule_fires(pages):
    sweep = pages.deployment("sweep/local")
    place = f"/deployments/{sweep['id']}"
    often = {"schedule": {"interval": 20}, "active": True, "slug": "often"}
    (made,) = pages.ask("POST", f"{place}/schedules", [often])
    pages.ask("PATCH", place, {"tags": sweep["tags"]})  # Prefect looks at once at what was changed
    try:
        until(lambda: any(run["state"]["type"] == "COMPLETED" and run["auto_scheduled"]
                          for run in pages.runs("sweep/local")))  # fmt: skip
    finally:
        pages.ask("DELETE", f"{place}/schedules/{made['id']}")


def test_one_endpoint_waits_another_does_not_and_what_is_cancelled_leaves_nothing(pages, pictures):
    given = {"data": str(pictures), "config": {**ENDLESS, "seed": 3}, "rules": {"min_accuracy": 0}}
    first = pages.begin("release/local", name="light", **given)
    until(lambda: "epoch 2/" in pages.log(first))
    second = pages.begin("release/local", name="light", **given)
    other = pages.begin("release/local", name="other", **{**given, "config": ENDLESS})
    until(lambda: "waiting up to" in pages.log(second))
    until(lambda: "epoch 2/" in pages.log(other))

    waited = pages.log(second)
    for run in (second, first, other):
        pages.cancel(run)
    for run in (second, first, other):
        pages.came_to(run, "CANCELLED", seconds=60)

    assert "release of" in waited
    assert "epoch" not in waited
    assert running(pages, "model.train") == []
    retry = pages.begin("sweep/local")
    assert pages.came_to(retry, "COMPLETED")


def test_a_release_that_is_cancelled_in_the_gate_leaves_no_test_running(pages, pictures):
    slow = pages.checkout.root / "tests" / "model" / "test_slow.py"
    slow.write_text(SLOW)
    try:
        run = pages.begin("release/local", data=str(pictures), name="gated")
        until(lambda: bool(running(pages, "pytest")))
        pages.cancel(run)
        pages.came_to(run, "CANCELLED", seconds=60)
    finally:
        slow.unlink()

    assert running(pages, "pytest") == []
    assert not pages.checkout.state.joinpath("releases", "gated", "lock.holder").exists()


class Listener:
    """A program that is told over HTTP."""

    def __init__(self) -> None:
        told: list[dict[str, Any]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.told = told
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    made = Listener()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("custom-webhook", {"name": "team", "json_data": {"text": "{{subject}}\n{{body}}"}}),
        ("webhook", {"method": "POST"}),
    ],
)
def test_a_refusal_is_told_to_the_block_that_is_named(pages, listener, kind, data):
    listener.told.clear()
    block_of(pages, kind, {**data, "url": listener.url})

    done = pages.checkout("setup", "--pool", "mlops", MLOPS_NOTIFY=f"{kind}/told")
    run = pages.begin("release/local", data="/nothing/here")
    pages.came_to(run, "FAILED")
    until(lambda: bool(listener.told), seconds=30)

    assert done.returncode == 0, done.stdout + done.stderr
    (told,) = listener.told
    text = "\n".join(str(value) for value in told.values())
    assert text.startswith("Refused: release here")
    assert f"/runs/flow-run/{run}" in text


def block_of(pages: Pages, kind: str, data: dict[str, Any]) -> None:
    """As a person fills it in on the page Blocks."""
    block_type = pages.ask("GET", f"/block_types/slug/{kind}")["id"]
    (schema,) = pages.ask("POST", "/block_schemas/filter", {
        "block_schemas": {"block_type_id": {"any_": [block_type]}}
    })  # fmt: skip
    pages.ask("POST", "/block_documents/", {
        "name": "told", "data": data, "block_type_id": block_type, "block_schema_id": schema["id"],
    })  # fmt: skip


def running(pages: Pages, program: str) -> list[int]:
    """Processes of the checkout that run a program."""
    return [pid for pid, words in processes_of(pages.checkout).items() if program in words]
