"""
A CONNECT proxy: production host names lead to the stand-ins, every other host is refused.

So unpatched SDKs with their default addresses work on one machine, and nothing can reach the real
cloud by mistake.
"""

from __future__ import annotations

import contextlib
import fnmatch
import socket
import threading
from collections.abc import Callable

Address = tuple[str, int]
Resolve = Callable[[str, int], Address | None]


class Proxy:
    """
    Listens on a free port of the loopback address.

    Args:
        routes: pattern of "host:port" → where it is answered.
        port: to listen on; 0 takes a free one.
        resolve: host and port → where that is answered now, if ``routes`` do not say.

    Attributes:
        refused: targets that were asked for and have no route.
    """

    def __init__(
        self, routes: dict[str, Address], port: int = 0, resolve: Resolve = lambda *_: None
    ) -> None:
        self._routes, self._resolve = routes, resolve
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.refused: list[str] = []
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Accept no more; what is connected stays so until one side ends it."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with client:
            method, target = _asked(client)
            address = self._address(target) if method == "CONNECT" else None
            if address is None:
                self.refused.append(target)
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            try:
                server = socket.create_connection(address)
            except OSError:
                client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                return
            with server:
                for each in (client, server):  # nothing waits for more to come
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                threading.Thread(target=_pump, args=(server, client), daemon=True).start()
                _pump(client, server)

    def _address(self, target: str) -> Address | None:
        found = (where for what, where in self._routes.items() if fnmatch.fnmatch(target, what))
        host, _, port = target.rpartition(":")
        return next(found, None) or (self._resolve(host, int(port)) if port.isdigit() else None)


def _asked(client: socket.socket) -> tuple[str, str]:
    head = b""
    while b"\r\n\r\n" not in head and len(head) < 65536:
        part = client.recv(4096)
        if not part:
            return "", ""
        head += part
    words = head.split(b"\r\n")[0].decode("latin-1").split(" ")
    return (words[0], words[1]) if len(words) > 1 else ("", "")


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
