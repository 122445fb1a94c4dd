"""Small real servers that stand behind Front Door in tests: each tells its name."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8000  # that origins are known by


class OriginServer:
    """
    Listens on a free port of the loopback address, and tells what it was asked.

    Attributes:
        is_ready: what it says when probed.
        gate: POST is answered once it is set, as it is from the start.
        asked: method, path and headers of each request, probes aside.
    """

    def __init__(self, name: str) -> None:
        self.name, self.host = name, f"{name}-x.westeurope.azurecontainer.io"
        self.is_ready, self.gate = True, threading.Event()
        self.gate.set()
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        handler = type("Handler", (_Request,), {"origin": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, name=name, daemon=True).start()

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self._server.server_address[1])

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Request(BaseHTTPRequestHandler):
    origin: OriginServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""

    def answer(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/readyz":
            self._say(200 if self.origin.is_ready else 503, b"")
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.origin.asked.append((self.command, self.path, headers))
        if self.path == "/break":
            self.close_connection = True
            return
        if self.command == "POST":
            self.origin.gate.wait(30)
        self._say(200, json.dumps({"name": self.origin.name, "bytes": len(raw)}).encode())

    do_GET = do_POST = answer  # noqa: N815 (its names)

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
