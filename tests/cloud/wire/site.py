"""One stand-in as a web site behind TLS: routes, faults, and a record of what was said."""

from __future__ import annotations

import json
import math
import re
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.cloud.wire.authority import Authority
from tests.cloud.wire.faults import Faults
from tests.cloud.wire.record import Record

DROPS = 10  # of an answer that comes in drops


@dataclass(frozen=True)
class Asked:
    """One request; ``body`` is what its JSON says, ``raw`` its bytes, ``url`` as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes
    body: Any = None
    url: str = ""

    @property
    def token(self) -> str:
        """What was shown as bearer."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass(frozen=True)
class Answer:
    """One response; bytes are sent as they are, all else as JSON."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[..., Answer]


class Site:
    """
    Listens on a free port of the loopback address.

    Args:
        name: in the record.
        missing: the answer where there is no such route, in the words of the service.

    Attributes:
        in_flight: requests that wait for their answer.
    """

    def __init__(
        self, name: str, authority: Authority, record: Record, missing: Callable[[Asked], Answer]
    ) -> None:
        self.name, self.record, self.missing = name, record, missing
        self.faults = Faults()
        self.in_flight = 0
        self.lock = threading.Lock()
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        handler = type("Handler", (_Exchange,), {"site": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._context = authority.server_context()
        self._server.socket = self._context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self._server.serve_forever, name=name, daemon=True).start()

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self._server.server_address[1])

    def route(self, method: str, pattern: str) -> Callable[[Handler], Handler]:
        """Answer such requests; named groups of ``pattern`` become keyword arguments."""

        def add(handler: Handler) -> Handler:
            self._routes.append((method, re.compile(f"{pattern}/?", re.IGNORECASE), handler))
            return handler

        return add

    def answer(self, asked: Asked) -> Answer:
        """What the service says, without faults."""
        for method, pattern, handler in self._routes:
            found = pattern.fullmatch(asked.path)
            if found and method == asked.method:
                return handler(asked, **found.groupdict())
        return self.missing(asked)

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that does not trust us, or goes away, is no event; a fault of ours is."""
        if not isinstance(sys.exc_info()[1], OSError):
            traceback.print_exc()


class _Exchange(BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True  # head and body are two writes: the second would wait for 40 ms

    def log_message(self, *_: object) -> None:
        """Nothing on standard error: the record has it all."""

    def answer(self) -> None:
        with self.site.lock:
            self.site.in_flight += 1
        try:
            self._answer()
        finally:
            with self.site.lock:
                self.site.in_flight -= 1

    def _answer(self) -> None:
        asked = self._asked()
        fault = self.site.faults.meet(self.command, self.path)
        if fault and not fault.drip_s:
            time.sleep(fault.delay_s)
            if fault.when == "after":
                self.site.answer(asked)
            given = None if fault.status is None else Answer(
                fault.status, fault.body, fault.headers)  # fmt: skip
        else:
            given = self.site.answer(asked)
        said = asked.body if asked.body is not None else len(asked.raw)
        told = (None, {}, None) if given is None else (
            given.status, given.headers,
            len(given.body) if isinstance(given.body, bytes) else given.body)  # fmt: skip
        self.site.record.note(self.site.name, self.command, self.path, (asked.headers, said), told)
        if given is None:
            self._drop()
        else:
            self._send(given, fault.drip_s if fault else 0.0)

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_HEAD = answer  # noqa: N815 (its names)

    def _asked(self) -> Asked:
        raw = self._body()
        kind = self.headers.get("Content-Type", "")
        body: Any = None
        if raw and "json" in kind:
            body = json.loads(raw)
        elif raw and "form" in kind:
            body = dict(parse_qsl(raw.decode()))
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return Asked(self.command, unquote(parts.path), query, headers, raw, body, self.path)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().strip() or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, given: Answer, drip_s: float) -> None:
        is_raw = isinstance(given.body, bytes)
        data = given.body if is_raw else b"" if given.body is None else json.dumps(
            given.body).encode()  # fmt: skip
        self.send_response(given.status)
        kind = "application/octet-stream" if is_raw else "application/json; charset=utf-8"
        for name, value in {"Content-Type": kind, **given.headers}.items():
            self.send_header(name, value)
        if given.status != 204 and "Content-Length" not in given.headers:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "HEAD" or given.status == 204:
            data = b""
        if drip_s and not data:
            time.sleep(drip_s)
        size = max(1, math.ceil(len(data) / DROPS)) if drip_s else len(data) or 1
        for first in range(0, len(data), size):
            time.sleep(drip_s / DROPS)
            self.wfile.write(data[first : first + size])

    def _drop(self) -> None:
        """End the connection with no word, as a lost network does."""
        self.close_connection = True
        socket.socket.shutdown(self.connection, socket.SHUT_RDWR)  # not closed politely by TLS
