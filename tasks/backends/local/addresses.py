"""Listening sockets on the loopback address, and who else has the port."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Collection

from tasks.backends.local.processes import who_holds
from tasks.errors import Transient
from tasks.ports import Watch

FIRST_PORT, PORTS = 8000, 100


def bind(port: int) -> socket.socket:
    """
    Listen on ``port``.

    Raises:
        Transient: something else holds it; the message says what.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise Transient(
            f"port {port} is held by {who_holds(port)}; end that program or choose another --port"
        ) from error
    return listener


def bind_first_free(promised: Collection[int], watch: Watch) -> socket.socket:
    """
    Listen on the first port from 8000 on that is neither held nor ``promised``.

    Raises:
        Transient: none of a hundred is free.
    """
    for port in range(FIRST_PORT, FIRST_PORT + PORTS):
        if port in promised:
            continue
        with contextlib.suppress(Transient):
            listener = bind(port)
            if port != FIRST_PORT:
                owner = "another endpoint" if FIRST_PORT in promised else who_holds(FIRST_PORT)
                watch(f"port {FIRST_PORT} is held by {owner}; taking {port}")
            return listener
    raise Transient(f"no port from {FIRST_PORT} to {FIRST_PORT + PORTS - 1} is free; use --port")


def url_of(listener: socket.socket) -> str:
    """Where it is reached from this machine."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"
