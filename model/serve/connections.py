"""
Connections that stay bounded, whoever opens them.

uvicorn's protocol has no limit on the size of a request's head, on the time that it may take, or on
idle connections. Here a head is bounded in bytes and seconds, and beyond the most connections the
one that has been idle for longest makes room: a newcomer always gets in.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from model.serve.bounds import Bounds

SWEEP_S = 1.0


class Connections:
    """The open connections of a service: those without a request in work, oldest first."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.idle: dict[Protocol, None] = {}
        self.count = 0

    def make_room(self) -> None:
        """End the connection that has been idle for longest, if there are too many."""
        if self.count > self.bounds.connections and self.idle:
            oldest = next(iter(self.idle))
            del self.idle[oldest]
            oldest.transport.abort()

    async def sweep(self) -> None:
        """Every second, end connections that take too long over a head."""
        while True:
            await asyncio.sleep(SWEEP_S)
            late = time.monotonic() - self.bounds.head_s
            for each in [each for each in self.idle if each.waits_since < late]:
                if not each.has_answered or each.head_bytes:
                    each.transport.abort()


class Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, room: Connections, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._room = room
        self.waits_since = 0.0
        self.has_answered = False
        self.head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """A new connection: idle until its first head is complete."""
        super().connection_made(transport)
        self._room.count += 1
        self._rest()
        self._room.make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._room.count -= 1
        self._room.idle.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came; those of a head are counted."""
        if self in self._room.idle:
            if not self.head_bytes:
                self.waits_since = time.monotonic()
            self.head_bytes += len(data)
        super().data_received(data)
        if self.head_bytes > self._room.bounds.head_bytes and self in self._room.idle:
            self.send_400_response("The head of the request is too large.")

    def on_headers_complete(self) -> None:
        """A request is in work."""
        self._room.idle.pop(self, None)
        self.head_bytes = 0
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """The request is answered; the next may come."""
        self.has_answered = True
        if not self.transport.is_closing() and not self.pipeline:
            self._rest()
        super().on_response_complete()

    def _rest(self) -> None:
        self.waits_since = time.monotonic()
        self._room.idle[self] = None


logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # a bad request is no news of ours
