"""A way to a port of this machine that can be closed, or swallow answers."""

from __future__ import annotations

import contextlib
import socket
import threading


class Way:
    """
    Closed, connections end and new ones are refused.

    Attributes:
        swallowed: requests that hold these bytes are handed on, and nobody hears the answer.
        refused: how many connections were.
        heard: how many answers were swallowed.
    """

    def __init__(self, port: int, *, swallowed: bytes = b"") -> None:
        self._port, self.is_open, self.refused = port, True, 0
        self.swallowed, self.heard = swallowed, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/api"

    def __enter__(self) -> Way:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_open = False
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                if self.is_open:
                    threading.Thread(target=self._join, args=(caller,), daemon=True).start()
                else:
                    self.refused += 1
                    caller.close()

    def _join(self, caller: socket.socket) -> None:
        other = socket.create_connection(("127.0.0.1", self._port))
        is_mute = threading.Event()
        for pair in ((caller, other), (other, caller)):
            words = (*pair, is_mute, pair[0] is caller)
            threading.Thread(target=self._carry, args=words, daemon=True).start()

    def _carry(
        self, source: socket.socket, target: socket.socket, is_mute: threading.Event, asks: bool
    ) -> None:
        source.settimeout(0.2)
        with contextlib.suppress(OSError), source, target:
            while self.is_open:
                try:
                    data = source.recv(65536)
                except TimeoutError:
                    continue
                if not data:
                    return
                if asks and self.swallowed and self.swallowed in data:
                    is_mute.set()
                if asks or not is_mute.is_set():
                    target.sendall(data)
                else:
                    self.heard += 1
