"""
How a listening socket moves from one service to the next, so that the port never closes.

Each service listens on a Unix socket of its own, readable by its user alone. ``give`` asks a
service for a duplicate of the public listening socket that it accepts on; ``take`` hands one over,
and the service begins to accept on it. Both use the same queue of connections: none is lost when
the old service stops accepting.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

MOST_PATH_BYTES = 100
TIMEOUT_S = 10.0
BLOCKED_S = 0.5  # that a silent caller may hold a service up

Take = Callable[[socket.socket], Awaitable[None]]
Give = Callable[[], socket.socket | None]


class ControlError(OSError):
    """The service did not do what it was asked for."""


def give(path: Path) -> socket.socket:
    """A duplicate of the public listening socket of the service with this control socket."""
    with _connect(path) as channel:
        channel.sendall(b"give")
        answer, handles, _, _ = socket.recv_fds(channel, 64, 1)
        if answer != b"ok" or len(handles) != 1:
            raise ControlError(f"the service at {path} has no public socket to give: {answer!r}")
        return socket.socket(fileno=handles[0])


def take(path: Path, listener: socket.socket) -> None:
    """Let the service with this control socket accept on ``listener`` too; returns when it does."""
    with _connect(path) as channel:
        socket.send_fds(channel, [b"take"], [listener.fileno()])
        answer = channel.recv(64)
        if answer != b"ok":
            raise ControlError(f"the service at {path} did not take the socket: {answer!r}")


def listen(path: Path) -> socket.socket:
    """
    Open the control socket of a service; one left by a dead process is replaced.

    Raises:
        ControlError: the path is longer than a Unix socket may have.
    """
    if len(os.fsencode(path)) > MOST_PATH_BYTES:
        raise ControlError(f"{path} is too long for a Unix socket; at most {MOST_PATH_BYTES} bytes")
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old_mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(old_mask)
    listener.listen(8)
    return listener


async def answer(listener: socket.socket, give_public: Give, take_public: Take) -> None:
    """Answer ``give`` and ``take`` until cancelled."""
    loop = asyncio.get_running_loop()
    listener.setblocking(False)
    while True:
        channel, _ = await loop.sock_accept(listener)
        channel.settimeout(BLOCKED_S)
        with channel, contextlib.suppress(OSError, ValueError):
            # A short blocking exchange with a process of the same user on the same machine.
            word, handles, _, _ = socket.recv_fds(channel, 64, 1)
            if word == b"take" and handles:
                await take_public(socket.socket(fileno=handles[0]))
                channel.sendall(b"ok")
            elif handles:
                os.close(handles[0])  # nobody asked for it
            elif word == b"give" and (public := give_public()):
                socket.send_fds(channel, [b"ok"], [public.fileno()])
            else:
                channel.sendall(b"no")


def _connect(path: Path) -> socket.socket:
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    channel.settimeout(TIMEOUT_S)
    try:
        channel.connect(str(path))
    except OSError as error:
        channel.close()
        raise ControlError(f"no service answers at {path}: {error}") from error
    return channel
