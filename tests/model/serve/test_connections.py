"""What a hostile or unlucky client can do to a connection, and that the service stays ready."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time

import httpx
import numpy as np
import pytest
from PIL import Image

from model.serve.protocol import is_whole_score
from tests.conftest import encoded, picture
from tests.model.serve.conftest import Service
from tests.model.serve.hammer import hammer, request_of
from tests.model.serve.test_switch import base64_of

HEAD = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"


@pytest.fixture(scope="module")
def strict(boot) -> Service:
    """Few connections, and little patience."""
    return boot("--connections", "20", "--deadline", "1")


def connected(service: Service) -> socket.socket:
    host, _, port = service.url.removeprefix("http://").rpartition(":")
    made = socket.create_connection((host, int(port)), timeout=10)
    made.settimeout(10)
    return made


def is_ready(service: Service) -> bool:
    return httpx.get(f"{service.url}/readyz", timeout=5, trust_env=False).status_code == 200


def test_idle_connections_make_room_for_the_next(strict):
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connected(strict)) for _ in range(60)]

        assert is_ready(strict)
        assert len(ended_of(idle)) >= 40


def ended_of(connections: list[socket.socket]) -> list[socket.socket]:
    found = []
    for each in connections:
        each.settimeout(0.2)
        try:
            if each.recv(1) == b"":
                found.append(each)
        except TimeoutError:
            continue
        except ConnectionError:
            found.append(each)
    return found


@pytest.mark.parametrize("length", [1000, 1_000_000])
def test_a_body_that_does_not_come_is_given_up(strict, length):
    with connected(strict) as slow:
        slow.sendall(HEAD + b"Content-Length: %d\r\n\r\nabc" % length)
        answer = slow.recv(4096)

        assert answer.startswith(b"HTTP/1.1 408")
        assert b"did not come within 1 s" in answer + slow.recv(4096)
        assert slow.recv(1) == b""
    assert is_ready(strict)


def test_an_endless_head_is_refused(service):
    with connected(service) as endless:
        endless.sendall(HEAD)
        received = b""
        with contextlib.suppress(ConnectionError):
            for number in range(2000):
                endless.sendall(b"X-Filler-%d: %s\r\n" % (number, b"x" * 100))
            received = endless.recv(4096)

    assert received in (b"", *[received] * received.startswith(b"HTTP/1.1 400"))
    assert is_ready(service)


def test_a_gigabyte_is_refused_before_it_is_sent(service):
    with connected(service) as large:
        large.sendall(HEAD + b"Content-Length: 1000000000\r\n\r\n")

        assert large.recv(4096).startswith(b"HTTP/1.1 413")


def test_kept_alive_connections_answer_many_requests_in_turn(service):
    body = encoded(picture(1))
    one = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with connected(service) as kept:
        kept.sendall(one * 5)
        received, until = b"", time.monotonic() + 10
        while received.count(b"HTTP/1.1 200") < 5 and time.monotonic() < until:
            received += kept.recv(65536)

    assert received.count(b'"predictions"') == 5


def test_a_body_in_many_small_parts_is_one_body(service):
    body = encoded(picture(1))
    with connected(service) as slow:
        slow.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body))
        for at in range(0, len(body), 50):
            slow.sendall(body[at : at + 50])
            time.sleep(0.01)

        assert slow.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("head", ["Connection: close", "Expect: 100-continue"])
def test_what_a_client_says_of_its_connection_is_heeded(service, head):
    body = encoded(picture(1))
    with connected(service) as kept:
        kept.sendall(HEAD + f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        received = b""
        while b'"predictions"' not in received:
            received += kept.recv(65536)
        is_ended = head == "Connection: close" and kept.recv(1) == b""

    assert is_ended or b"100 Continue" in received


def test_a_small_request_and_another_kind_are_answered_in_turn(service):
    body = encoded(picture(1))
    score = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with connected(service) as kept:
        for _ in range(3):
            kept.sendall(score)
            assert b'"predictions"' in kept.recv(65536)
            kept.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
            received = b""
            while b'"labels"' not in received:
                received += kept.recv(65536)


def test_who_asks_and_never_reads_is_cut_off(service):
    body = encoded(picture(1))
    score = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with connected(service) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(2)
        with contextlib.suppress(OSError):
            for _ in range(20_000):
                deaf.sendall(score)

    assert is_ready(service)


def test_clients_that_never_read_do_not_shut_the_door(boot):
    few = boot("--connections", "6", "--deadline", "1")
    with contextlib.ExitStack() as stack:
        for _ in range(6):
            deaf = stack.enter_context(connected(few))
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.settimeout(0.5)
            with contextlib.suppress(OSError):
                for _ in range(2000):
                    deaf.sendall(b"GET /docs HTTP/1.1\r\nHost: x\r\n\r\n" * 10)
        time.sleep(3)  # the deadline, the patience, and a sweep

        assert is_ready(few)
        few.process.terminate()
        assert few.process.wait(20) == 0


def test_deep_pipelining_is_answered_to_the_end(service):
    noise = np.random.default_rng(1).integers(0, 256, (40, 40), np.uint8)
    body = encoded(Image.fromarray(noise))  # much: reading is paused within a body, many times
    one = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with connected(service) as kept:
        sending = threading.Thread(target=kept.sendall, args=(one * 1000,))
        sending.start()
        received, until = b"", time.monotonic() + 60
        while received.count(b"HTTP/1.1 200") < 1000 and time.monotonic() < until:
            if not (part := kept.recv(65536)):
                break
            received += part
        kept.shutdown(socket.SHUT_RDWR)
        sending.join(10)

    assert received.count(b"HTTP/1.1 200") == 1000


def test_no_refusal_overtakes_an_answer(boot):
    busy = boot("--requests", "1")
    slow = encoded(picture(1, height=3000, width=3000))
    first = HEAD + b"X-Request-Id: first\r\nContent-Length: %d\r\n\r\n" % len(slow) + slow
    small = encoded(picture(2))
    second = HEAD + b"X-Request-Id: second\r\nContent-Length: %d\r\n\r\n" % len(small) + small
    with connected(busy) as kept:
        kept.sendall(first + second)
        received = b""
        while b"x-request-id: second" not in received:
            received += kept.recv(65536)

    assert received.index(b"x-request-id: first") < received.index(b"x-request-id: second")
    assert received.count(b"HTTP/1.1 200") == 2


def test_an_early_answer_stays_the_only_one(service):
    with connected(service) as early:
        early.sendall(b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n")
        received = early.recv(65536)
        for _ in range(20):
            early.sendall(b"x" * 10_000)
            time.sleep(0.005)
        early.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        while b"alive" not in received:
            received += early.recv(65536)

    assert received.count(b"HTTP/1.1") == 2
    assert received.startswith(b"HTTP/1.1 404")


def test_beyond_the_most_in_work_is_refused_and_health_still_answers(boot):
    """Slow bodies keep two requests in work; the third has no room until one of them ends."""
    busy = boot("--requests", "2", "--deadline", "20")
    image = encoded(picture(1))
    whole = HEAD + b"Content-Length: %d\r\n\r\n" % len(image) + image
    with connected(busy) as first, connected(busy) as second, connected(busy) as third:
        for slow in (first, second):
            slow.sendall(HEAD + b"Content-Length: 100000\r\n\r\nabc")
        while "mlops_requests_in_flight 3.0" not in measures_of(busy):  # those two, and this one
            time.sleep(0.02)
        third.sendall(whole)
        refused = third.recv(4096)
        ready = is_ready(busy)
        first.close()
        answered = refused
        while answered.startswith(b"HTTP/1.1 503"):  # until the service saw that the first is gone
            time.sleep(0.02)
            third.sendall(whole)
            answered = third.recv(4096)

    assert refused.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 1" in refused
    assert b"application/problem+json" in refused
    assert ready
    assert answered.startswith(b"HTTP/1.1 200")
    assert 'mlops_requests_total{path="/score",status="503"}' in measures_of(busy)


def test_a_flood_of_images_is_answered_as_far_as_the_queue_reaches(boot):
    """What is refused must not take the time of what could be answered."""
    small = boot("--queue", "32")
    body = json.dumps({"images": [base64_of(seed, side=16) for seed in range(8)]}).encode()

    port = int(small.url.rpartition(":")[2])
    found = asyncio.run(hammer(port, request_of(body), connections=200, seconds=2))

    assert found.broken == []
    assert set(found.statuses) == {200, 503}
    assert found.statuses[200] > found.statuses[503] / 10


PLAIN = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize(
    ("data", "is_whole"),
    [
        (PLAIN, True),
        (PLAIN.replace(b"Host: x", b"host: x\r\nConnection: Keep-Alive"), True),
        (PLAIN[:-1], False),
        (PLAIN + PLAIN, False),
        (PLAIN.replace(b"POST", b"PUT"), False),
        (PLAIN.replace(b"/score", b"/score2"), False),
        (PLAIN.replace(b"Host: x", b"Connection: close"), False),
        (PLAIN.replace(b"Host: x", b"Connection:close"), False),
        (PLAIN.replace(b"Host: x", b"Transfer-Encoding: chunked"), False),
        (PLAIN.replace(b"Host: x", b"Expect: 100-continue"), False),
        (PLAIN.replace(b"Host: x", b"Content-Length: 3"), False),
        (PLAIN.replace(b"Length: 2", b"Length: +2"), False),
        (PLAIN.replace(b"Length: 2", b"Length: 2, 2"), False),
        (b"", False),
    ],
)
def test_only_what_is_plainly_one_scoring_request_is_refused_unparsed(data, is_whole):
    assert is_whole_score(data) is is_whole


def measures_of(service: Service) -> str:
    return httpx.get(f"{service.url}/metrics", timeout=20, trust_env=False).text
