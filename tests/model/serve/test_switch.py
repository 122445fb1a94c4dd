"""The port moves from one service to the next, and no request is lost."""

from __future__ import annotations

import signal
import threading
import time

import httpx
import pytest

from model.serve import control
from tests.conftest import encoded, picture


def test_no_request_is_lost_while_the_service_changes(boot):
    versions = [boot("--version", "1")]
    public = public_of(versions[0])
    url = f"http://127.0.0.1:{public.getsockname()[1]}"
    statuses: list[int] = []
    seen: set[str] = set()
    ended = threading.Event()
    clients = [threading.Thread(target=ask, args=(url, statuses, seen, ended)) for _ in range(4)]
    for client in clients:
        client.start()

    for number in (2, 3, 4):
        new = boot("--version", str(number))
        control.take(new.control, public)
        versions[-1].process.send_signal(signal.SIGTERM)
        assert versions[-1].process.wait(20) == 0
        versions.append(new)
        time.sleep(0.3)
    ended.set()
    for client in clients:
        client.join(20)

    assert seen == {"1", "2", "3", "4"}
    assert len(statuses) > 100
    assert set(statuses) == {200}


def public_of(service):
    """Give a service a public socket, as the first release does."""
    import socket

    public = socket.create_server(("127.0.0.1", 0), backlog=256)
    control.take(service.control, public)
    return public


def ask(url, statuses, seen, ended) -> None:
    body, headers = encoded(picture(1)), {"Content-Type": "image/png"}
    with httpx.Client(timeout=20, trust_env=False) as client:
        while not ended.is_set():
            answer = client.post(f"{url}/score", content=body, headers=headers)
            statuses.append(answer.status_code)
            seen.add(answer.headers["X-Model-Version"])


def test_the_public_socket_can_be_asked_back(boot):
    service = boot()
    public = public_of(service)

    again = control.give(service.control)

    assert again.getsockname() == public.getsockname()
    again.close()
    public.close()


def test_a_service_without_a_public_socket_says_so(boot):
    with pytest.raises(control.ControlError, match="no public socket"):
        control.give(boot().control)


def test_a_dead_service_is_told(tmp_path):
    with pytest.raises(control.ControlError, match="no service answers"):
        control.give(tmp_path / "none.sock")


def test_a_request_in_flight_is_answered_before_the_end(boot):
    service = boot()
    images = {"images": [base64_of(seed) for seed in range(64)]}
    answers: list[httpx.Response] = []

    def score() -> None:
        answers.append(httpx.post(f"{service.url}/score", json=images, timeout=20, trust_env=False))

    asking = threading.Thread(target=score)
    asking.start()
    while "mlops_requests_in_flight 2.0" not in measures_of(service):  # this question, and that
        assert asking.is_alive(), "the request ended before it was seen"
    service.process.terminate()
    asking.join(20)

    assert [answer.status_code for answer in answers] == [200]
    assert len(answers[0].json()["predictions"]) == 64
    assert service.process.wait(20) == 0


def measures_of(service) -> str:
    return httpx.get(f"{service.url}/metrics", timeout=20, trust_env=False).text


def base64_of(seed: int, side: int = 400) -> str:
    import base64

    return base64.b64encode(encoded(picture(seed, height=side, width=side))).decode()
