"""
The open connections of a service: which are idle, and how many there may be.

uvicorn has no limit on the size of a request's head, on the time that it may take, or on idle
connections. Here a head is bounded in bytes and seconds, and beyond the most connections the one
that has been idle for longest makes room: a newcomer always gets in.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from model.serve.app import Application
from model.serve.bounds import Bounds
from model.serve.readiness import Drain

if TYPE_CHECKING:
    from model.serve.protocol import BoundedProtocol

SWEEP_S = 1.0
KEEP_ALIVE_S = 75.0  # more than the 60 s of usual proxies, so that they end it, not we


class Connections:
    """
    Args:
        app: answers what they ask.
        drain: whether they are to end.
    """

    def __init__(self, bounds: Bounds, app: Application, drain: Drain) -> None:
        self.bounds, self.app, self.drain = bounds, app, drain
        self.refusal = app.refusal()
        self.idle: dict[BoundedProtocol, None] = {}  # without a request in work, oldest first
        self.count = 0
        self.in_work = 0  # requests that are answered past ASGI

    def make_room(self) -> None:
        """End the connection that has been idle for longest, if there are too many."""
        if self.count > self.bounds.connections and self.idle:
            oldest = next(iter(self.idle))
            del self.idle[oldest]
            oldest.transport.abort()

    async def sweep(self) -> None:
        """Every second, end connections that take too long over a head, or rest for too long."""
        while True:
            await asyncio.sleep(SWEEP_S)
            now = time.monotonic()
            for each in list(self.idle):
                is_new = not each.has_answered or each.head_bytes
                if now - each.waits_since > (self.bounds.head_s if is_new else KEEP_ALIVE_S):
                    each.transport.abort()
