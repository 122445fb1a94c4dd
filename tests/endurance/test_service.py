"""The service alone: much, for long, too much, and in mid-load the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest

from benchmarks.load import press
from tests.conftest import encoded, picture
from tests.model.serve.conftest import boot
from tests.model.serve.hammer import hammer, request_of
from tests.model.serve.test_switch import base64_of

__all__ = ["boot"]
pytestmark = [pytest.mark.endurance, pytest.mark.timeout(1800)]
MIB = 2**20
REQUESTS = 1_000_000


@pytest.fixture
def service(boot, tmp_path):
    """On a core of its own, where there are two; whoever asks has the others."""
    made = boot("--access-log", str(tmp_path / "access.log"), "--capture", str(tmp_path / "kept"))
    psutil.Process(made.process.pid).cpu_affinity([0])
    ours = psutil.Process()
    cores = ours.cpu_affinity()
    ours.cpu_affinity(cores[1:] or cores)
    yield made
    ours.cpu_affinity(cores)


def port_of(service) -> int:
    return int(service.url.rpartition(":")[2])


def pss_mib(service) -> float:
    return psutil.Process(service.process.pid).memory_full_info().pss / MIB


def test_memory_stays_flat_over_a_million_requests(service, tmp_path):
    assert shutil.which("wrk"), "install wrk (Debian: apt install wrk)"
    body = tmp_path / "body.json"
    body.write_text(json.dumps({"data": base64_of(1, side=16)}))
    asked, held = 0, []
    while asked < REQUESTS:
        load = press(f"{service.url}/score", body, connections=8, seconds=10)
        asked += round(load.a_second * 10)
        held.append(pss_mib(service))
        assert load.errors == 0
        print(f"{asked:,} asked, {load.a_second:,.0f} a second, {held[-1]:.1f} MiB")

    assert max(held[1:]) - min(held[1:]) <= 5


def test_at_three_times_its_capacity_it_answers_nearly_what_it_can(service):
    """Requests of as many images as may be: of smaller ones a client of Python sends too few."""
    body = {"images": [base64_of(number, side=16) for number in range(64)]}
    request = request_of(json.dumps(body).encode())
    port = port_of(service)
    alone = asyncio.run(hammer(port, request, connections=4, seconds=15))
    capacity = alone.statuses[200] / 15

    flood = asyncio.run(hammer(port, request, connections=1000, seconds=60, a_second=3 * capacity))
    after = asyncio.run(hammer(port, request, connections=4, seconds=15))

    goodput = flood.statuses[200] / 60
    offered = flood.statuses.total() / 60
    print(f"capacity {capacity:.0f}, asked {offered:.0f}, goodput {goodput:.0f} a second, "
          f"{dict(flood.statuses)}, after it {after.statuses[200] / 15:.0f}")  # fmt: skip
    assert set(flood.statuses) == {200, 503}
    assert flood.broken == after.broken == []
    assert offered >= 0.95 * 3 * capacity
    assert goodput >= 0.8 * capacity
    assert after.statuses.keys() == {200}
    assert after.statuses[200] / 15 >= 0.7 * capacity  # machines are not so steady


@pytest.mark.parametrize("attempt", range(5))
def test_the_end_in_mid_load_fails_no_request_that_was_taken(service, attempt):
    request = request_of(encoded(picture(1)), "image/png")
    ending = threading.Timer(2, service.process.terminate)
    ending.start()

    found = asyncio.run(hammer(port_of(service), request, connections=64, seconds=10))

    assert found.broken == []
    assert found.statuses.keys() == {200}
    assert service.process.wait(20) == 0
    print(f"{found.statuses[200]} answered before the end")


def test_ten_thousand_idle_connections_and_slow_heads_leave_it_ready(service):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 30_000), most))
    with contextlib.ExitStack() as stack:
        slow = []
        for number in range(10_000):
            made = stack.enter_context(socket.create_connection(("127.0.0.1", port_of(service))))
            if number % 2:
                slow.append(made)
        until = time.monotonic() + 15
        while time.monotonic() < until:
            for each in slow:
                with contextlib.suppress(OSError):
                    each.send(b"G")
            for _ in range(20):
                answer = httpx.get(f"{service.url}/readyz", timeout=5, trust_env=False)
                assert answer.status_code == 200
        held = pss_mib(service)
        open_now = len(psutil.Process(service.process.pid).net_connections())
    print(f"{held:.0f} MiB with {open_now} connections")
    assert open_now <= 2_100
    assert held < 200


def test_the_service_survives_ten_minutes_of_fuzzing(boot, tmp_path):
    """schemathesis over its own description; hypothesis over images is in tests/model/serve."""
    service = boot()
    schemathesis = str(Path(sys.executable).with_name("st"))
    minutes = float(os.environ.get("FUZZ_MINUTES", "10"))
    before = pss_mib(service)
    until = time.monotonic() + 60 * minutes
    seed = 0
    while time.monotonic() < until:
        seed += 1
        done = subprocess.run(
            [schemathesis, "run", f"{service.url}/openapi.json", "--checks", "all",
             "--seed", str(seed), "--max-examples", "200",
             "--exclude-checks", "unsupported_method,positive_data_acceptance"],
            cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-6000:]
    assert service.process.poll() is None
    print(f"{seed} rounds, {before:.0f} MiB before, {pss_mib(service):.0f} after")
    assert Path(service.room / "log").read_text().count("Traceback") == 0
