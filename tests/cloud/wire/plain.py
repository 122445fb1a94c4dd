"""A proxy for plain HTTP: the names of container groups lead to where they run."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.cloud.wire.forward import forward
from tests.cloud.wire.proxy import Resolve
from tests.cloud.wire.site import Answer, Asked


class PlainProxy:
    """
    Listens on a free port of the loopback address.

    Args:
        resolve: host and port as the client named them → where they are, if anywhere.
    """

    def __init__(self, resolve: Resolve) -> None:
        self.resolve = resolve
        handler = type("Handler", (_Request,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="plain", daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


class _Request(BaseHTTPRequestHandler):
    proxy: PlainProxy
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""

    def answer(self) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, parts.path, {}, headers, raw)
        given = self._asked_there(asked, parts.hostname or "", parts.port or 80, parts.query)
        self.send_response(given.status)
        for name, value in given.headers.items():
            self.send_header(name, value)
        body = given.body or b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_HEAD = answer  # noqa: N815 (its names)

    def _asked_there(self, asked: Asked, host: str, port: int, query: str) -> Answer:
        address = self.proxy.resolve(host, port)
        if address is None:
            return Answer(502, f"{host}:{port} cannot be reached\n".encode())
        path = f"{asked.path or '/'}{f'?{query}' if query else ''}"
        try:
            return forward(asked, address, path, {"host": f"{host}:{port}"})
        except (OSError, http.client.HTTPException) as error:
            return Answer(502, f"{host}:{port}: {error!r}\n".encode())
