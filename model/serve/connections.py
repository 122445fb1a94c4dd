"""
Connections that stay bounded, whoever opens them.

uvicorn's protocol has no limit on the size of a request's head, on the time that it may take, or on
idle connections. Here a head is bounded in bytes and seconds, and beyond the most connections the
one that has been idle for longest makes room: a newcomer always gets in. A request beyond the most
in work is refused by its head alone, which costs a tenth of an answer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from model.serve.bounds import Bounds

SWEEP_S = 1.0


class Connections:
    """
    The open connections of a service: those without a request in work, oldest first.

    Args:
        refusal: the bytes of an answer that refuses a request.
        note: is told of each refusal.
    """

    def __init__(self, bounds: Bounds, refusal: bytes, note: Callable[[], None]) -> None:
        self.bounds = bounds
        self.refusal, self.note_refusal = refusal, note
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
        self._refusal: asyncio.TimerHandle | None = None

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
        if self._refusal is not None:
            self._refusal.cancel()
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
        if self._refusal is not None:
            self.transport.abort()  # it did not wait for its answer
        elif len(self.tasks) >= self._room.bounds.requests and self.url.startswith(REFUSABLE):
            self.cycle = _Refused()  # type: ignore[assignment]
            later = self._room.bounds.refusal_s
            self._refusal = self.loop.call_later(later, self._refuse)
        else:
            super().on_headers_complete()

    def on_response_complete(self) -> None:
        """The request is answered; the next may come."""
        self.has_answered = True
        if not self.transport.is_closing() and not self.pipeline:
            self._rest()
        super().on_response_complete()

    def shutdown(self) -> None:
        """The service ends: who waits for a refusal has it now."""
        if self._refusal is not None:
            self._refusal.cancel()
            self._refuse()
        super().shutdown()

    def _refuse(self) -> None:
        self._refusal = None
        if not self.transport.is_closing():
            self._room.note_refusal()
            self.transport.write(self._room.refusal)
            self._rest()

    def _rest(self) -> None:
        self.waits_since = time.monotonic()
        self._room.idle[self] = None


class _Refused:
    """In the place of a request in work: uvicorn then lets its body pass unread."""

    response_complete = True

    def __init__(self) -> None:
        self.message_event = asyncio.Event()


REFUSABLE = b"/score"  # whoever asks for health or measures is answered also under load
logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # a bad request is no news of ours
