"""
The open connections of a service: which are idle, and how many there may be.

uvicorn has no limit on the size of a request's head, on the time that it may take, or on idle
connections. Here a head is bounded in bytes and seconds, and beyond the most connections the one
that has been idle for longest makes room: a newcomer always gets in.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from model.serve.app import Application
from model.serve.bounds import Bounds
from model.serve.readiness import Drain

if TYPE_CHECKING:
    from model.serve.protocol import BoundedProtocol

SWEEP_S = 1.0
PATIENCE_S = 1.0
REFUSE_S = 0.01  # between two looks at who is to be refused now,
REFUSALS_A_LOOK = 10  # so many: a client that waits for its refusal asks nothing meanwhile
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
        self.busy: dict[BoundedProtocol, float] = {}  # the others, and since when; oldest first
        self.count = 0
        self._refused: deque[tuple[float, BoundedProtocol]] = deque()  # who hears it when

    def is_full(self, tasks: int) -> bool:
        """Are as many requests in work as may be? A task may be too new to be counted there."""
        return max(self.app.in_flight, tasks) >= self.bounds.requests or self.app.is_crowded

    def refuse_later(self, connection: BoundedProtocol) -> None:
        """
        Say no to it, a while from now, and to no more than 1,000 in a second.

        However many ask, saying no takes at most a tenth of a core then.
        """
        self._refused.append((time.monotonic() + self.bounds.refusal_s, connection))
        if len(self._refused) == 1:
            asyncio.get_running_loop().call_later(self.bounds.refusal_s, self._refuse_due)

    def _refuse_due(self) -> None:
        now = time.monotonic()
        for _ in range(REFUSALS_A_LOOK):
            if not self._refused or self._refused[0][0] > now:
                break
            self._refused.popleft()[1].refuse()
        if self._refused:
            after = max(self._refused[0][0] - now, REFUSE_S)
            asyncio.get_running_loop().call_later(after, self._refuse_due)

    def note_progress(self, connection: BoundedProtocol) -> None:
        """One of its requests is answered, and the next one is in work."""
        self.busy.pop(connection, None)
        self.busy[connection] = time.monotonic()

    def make_room(self, newcomer: BoundedProtocol) -> None:
        """
        End a connection, if there are too many: the one that has been idle for longest.

        Where none is idle, the one that has been at work for longest, if that is longer than any
        honest request takes: its client does not read its answer, or does not send its body.
        """
        if self.count <= self.bounds.connections:
            return
        oldest = next(iter(self.idle))
        if oldest is newcomer and self.busy:
            busiest, since = next(iter(self.busy.items()))
            if time.monotonic() - since > PATIENCE_S:
                oldest = busiest
        oldest.transport.abort()
        self.idle.pop(oldest, None)
        self.busy.pop(oldest, None)

    async def sweep(self) -> None:
        """Every second, end connections that take too long: over a head, a request, or a rest."""
        while True:
            await asyncio.sleep(SWEEP_S)
            now = time.monotonic()
            for each in list(self.idle):
                is_new = not each.has_answered or each.head_bytes
                if now - each.waits_since > (self.bounds.head_s if is_new else KEEP_ALIVE_S):
                    each.transport.abort()
            longest = self.bounds.deadline_s + PATIENCE_S
            for each in [each for each, since in self.busy.items() if now - since > longest]:
                each.transport.abort()  # it does not read its answer
