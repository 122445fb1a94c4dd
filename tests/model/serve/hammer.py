"""Clients that keep a rate or a number of connections; httpx would be the limit."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from dataclasses import dataclass, field

Statuses = Counter[int]
HEAD = "POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"


@dataclass
class Answered:
    """Answers by status, requests that got none, and seconds of each that was answered with 200."""

    statuses: Statuses = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def request_of(body: bytes, kind: str = "application/json") -> bytes:
    """The bytes of a request."""
    return HEAD.format(kind=kind, length=len(body)).encode() + body


async def hammer(
    port: int, request: bytes, *, connections: int, seconds: float, a_second: float | None = None
) -> Answered:
    """
    Ask on kept-alive connections.

    Args:
        a_second: requests, on a schedule of its own that does not wait for answers as long as a
            connection is free; without it, each connection asks again at once.
    """
    found = Answered()
    began = time.monotonic()
    turns = itertools.count()

    async def client() -> None:
        reader = writer = None
        while (now := time.monotonic()) < began + seconds:
            if a_second:
                at = began + next(turns) / a_second
                if at > began + seconds:
                    return
                await asyncio.sleep(max(0, at - now))
            if writer is None:
                try:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionError:
                    return  # it takes no more: nothing of ours was lost
            sent = time.monotonic()
            try:
                writer.write(request)
                status, is_last = await _answer(reader)
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                found.broken.append(f"after {sent - began:.3f} s: {error!r}")
                reader = writer = None
                continue
            found.statuses[status] += 1
            if status == 200:
                found.seconds.append(time.monotonic() - sent)
            if is_last:
                writer.close()
                reader = writer = None

    await asyncio.gather(*[client() for _ in range(connections)])
    return found


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Status of the next answer, and whether its connection ends with it."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head[9:12]), b"connection: close" in head
