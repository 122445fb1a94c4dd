"""
One connection: uvicorn's protocol, with bounds.

A head is bounded in bytes and seconds. A request beyond the most in work is refused by its head
alone, and later than it came: clients that ask again at once would else keep the service busy with
saying no.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from model.serve.connections import Connections

SCORE = b"/score"
UNDER_LOAD_TOO = (b"/healthz", b"/readyz", b"/metrics", b"/version")  # never refused
MOST_PIPELINED = 64
FIRST_LINE = b"POST /score HTTP/1.1\r\n"
DOUBTS = (b"transfer-encoding", b"expect", b"upgrade")


class BoundedProtocol(HttpToolsProtocol):
    """One connection that can neither grow nor stay beyond measure."""

    def __init__(self, *args: Any, room: Connections, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._room = room
        self.waits_since = 0.0
        self.has_answered = False
        self.head_bytes = 0
        self._is_in_body = False
        self._is_refused = False  # and hears of it later

    def connection_made(self, transport: Any) -> None:
        """A new connection: idle until its first head is complete."""
        super().connection_made(transport)
        self._room.count += 1
        self._rest()
        self._room.make_room(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._room.count -= 1
        self._room.idle.pop(self, None)
        self._room.busy.pop(self, None)
        self._is_refused = False
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came; those of a head are counted."""
        is_full = self._room.is_full(len(self.tasks))
        if is_full and self._is_at_rest() and is_whole_score(data):
            self._refuse_later()
            return
        if self in self._room.idle and not self._is_in_body:  # it may come after an early answer
            if not self.head_bytes:
                self.waits_since = time.monotonic()
            self.head_bytes += len(data)
        super().data_received(data)
        is_head = self in self._room.idle and not self._is_in_body
        if is_head and self.head_bytes > self._room.bounds.head_bytes:
            self.send_400_response("The head of the request is too large.")

    def on_headers_complete(self) -> None:
        """A request is in work, or refused."""
        is_first = not self.is_at_work()
        self._room.idle.pop(self, None)
        self._room.busy.setdefault(self, time.monotonic())
        self.head_bytes, self._is_in_body = 0, True
        if self._is_refused or len(self.pipeline) > MOST_PIPELINED:
            self.transport.abort()  # it does not wait for its answers
        elif (
            is_first
            and self._room.is_full(len(self.tasks))
            and not self.url.startswith(UNDER_LOAD_TOO)
        ):
            self.cycle = Passed()  # type: ignore[assignment]
            self._refuse_later()
        else:
            self.take_request()

    def on_message_complete(self) -> None:
        """Its body is here as well."""
        self._is_in_body = False
        super().on_message_complete()

    def is_at_work(self) -> bool:
        """Is a request of this connection being answered? Then no later one may be answered yet."""
        return self.cycle is not None and not self.cycle.response_complete

    def take_request(self) -> None:
        """Begin to answer a request whose head is here."""
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """The request is answered; the next may come."""
        self.has_answered = True
        if self.pipeline:
            self._room.note_progress(self)
        elif not self.transport.is_closing():
            self._rest()
        super().on_response_complete()

    def shutdown(self) -> None:
        """The service ends: who waits for a refusal has it now."""
        self.refuse()
        super().shutdown()

    def refuse(self) -> None:
        """Say no to the request that has waited for it, if there is one."""
        if not self._is_refused:
            return
        self._is_refused = False
        if not self.transport.is_closing():
            self._room.app.note_refusal()
            self.transport.write(self._room.refusal)
            self._rest()

    def _is_at_rest(self) -> bool:
        """Between two requests: whatever comes is a new one, from its first byte on."""
        is_busy = self._is_refused or self.head_bytes or self._is_in_body
        return not is_busy and self in self._room.idle

    def _refuse_later(self) -> None:
        self._is_refused = True
        self._unset_keepalive_if_required()
        self._room.refuse_later(self)

    def _rest(self) -> None:
        self._room.busy.pop(self, None)
        self.waits_since = time.monotonic()
        self._room.idle[self] = None


def is_whole_score(data: bytes) -> bool:
    """
    Is this one scoring request as a whole, and plainly so? Then it can be refused unparsed.

    Most that come to a service with too much to do are; parsing them would cost it a third of what
    it could still answer. What is in any doubt is left to the parser.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0 or not data.startswith(FIRST_LINE):
        return False
    head = data[:end].lower()
    _, found, rest = head.partition(b"\r\ncontent-length: ")
    length = rest.partition(b"\r\n")[0]
    return (
        bool(found)
        and length.isdigit()
        and len(length) < 9
        and int(length) == len(data) - end - 4
        and not any(word in head for word in DOUBTS)
        and head.count(b"content-length") == 1
        and head.count(b"\r\nconnection:") == head.count(b"\r\nconnection: keep-alive")
    )


class Passed:
    """In the place of a request in work: uvicorn then leaves what comes to us."""

    response_complete = True

    def __init__(self) -> None:
        self.message_event = asyncio.Event()


logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # a bad request is no news of ours
