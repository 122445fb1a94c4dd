"""
The short way of small scoring requests, past ASGI: no task, no messages, one write.

That is a third of what such a request costs otherwise. Whatever is not plainly small and whole,
whatever has to wait, goes uvicorn's way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from model.serve.exchange import Answer, Request
from model.serve.problems import late_body
from model.serve.protocol import SCORE, BoundedProtocol, Passed

SMALL_BYTES = 65_536
MOST_TURNS = 16  # requests that a client sends before it has its answers; then we read no more


class Protocol(BoundedProtocol):
    """One connection whose small scoring requests go the short way, in turn."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._parts: list[bytes] | None = None  # of the body of a small request, as it comes
        self._small: dict[bytes, bytes] = {}  # its headers
        self._turns: deque[Request] = deque()  # the first is in work
        self._is_last = False
        self._is_deaf = False
        self._deadline: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Bytes came; if they end within a small body, the rest has to follow in time."""
        super().data_received(data)
        if self._parts is not None and self._deadline is None:
            self._deadline = self.loop.call_later(self._room.bounds.deadline_s, self._give_up)

    def is_at_work(self) -> bool:
        """Is a request being answered, on either way?"""
        return bool(self._turns) or self._parts is not None or super().is_at_work()

    def take_request(self) -> None:
        """Take a small request; leave another to uvicorn."""
        if not self._is_deaf and self.url == SCORE and self._is_small():
            self.cycle = Passed()  # type: ignore[assignment]
            self._parts = []
            self._is_last = not self.parser.should_keep_alive()
        elif self._turns:
            # Another kind, before the small ones are answered: the connection ends behind these,
            # and the client asks again on a new one.
            self.cycle = Passed()  # type: ignore[assignment]
            self._is_last = self._is_deaf = True
        else:
            super().take_request()

    def on_body(self, body: bytes) -> None:
        """A part of a body."""
        if self._parts is None:
            super().on_body(body)
        else:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """A request is here as a whole."""
        if self._parts is None:
            super().on_message_complete()
            return
        self._is_in_body = False
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._turns.append(Request("POST", "/score", self._small, whole=body))
        if len(self._turns) == 1:
            self._begin()
        elif len(self._turns) > MOST_TURNS:
            self.flow.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The service ends: what is on the short way is answered first."""
        if self._turns or self._parts is not None:
            self._is_last = True
        else:
            super().shutdown()

    def _is_small(self) -> bool:
        """Is its body small, and no request before it in work on uvicorn's way?"""
        if self.cycle is not None and not self.cycle.response_complete:
            return False
        self._small = dict(self.headers)
        length = self._small.get(b"content-length", b"")
        return (
            length.isdigit()
            and int(length) <= SMALL_BYTES
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and not self.expect_100_continue
        )

    def _begin(self) -> None:
        task = self._room.app.score_soon(self._turns[0], self._reply)
        if task:
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def _reply(self, answer: bytes) -> None:
        self._turns.popleft()
        self.has_answered = True
        if self.transport.is_closing():
            return
        if len(self._turns) <= MOST_TURNS:
            self.flow.resume_reading()
        self.transport.write(answer)
        if self.flow.write_paused:
            self.transport.abort()  # it asks and asks, and reads no answers
        elif self._turns:
            self._room.note_progress(self)
            self._begin()
        elif self._is_last or self._room.drain.is_on:
            self.transport.close()
        elif self._parts is None:
            self._rest()

    def _give_up(self) -> None:
        """The body of a small request did not come."""
        if self._turns:
            self.transport.abort()  # whoever waits for earlier answers must not take this for one
            return
        answer = Answer.to(late_body(self._room.bounds.deadline_s))
        self.transport.write(answer.encoded(()))
        self.transport.close()
