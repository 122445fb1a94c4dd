"""How much one service takes: what keeps its memory and its answers bounded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """
    Limits of one service.

    Attributes:
        body_bytes: of one request; beyond it 413.
        images: in one request; beyond it 422.
        pixels: of one image as stored; beyond it 422.
        requests: that may be in work; beyond it 503 with Retry-After.
        refusal_s: that such an answer takes at least: clients that ask again at once, whatever it
            says, would else keep the service busy with saying no.
        queue_images: that may wait for the model; beyond it 503 with Retry-After.
        deadline_s: from a request's head to its answer; beyond it 408 or 503.
        head_bytes: of a request line and its headers; beyond it the connection ends.
        head_s: in which a new connection has to bring its first request.
        connections: open at a time; beyond it the one that is idle for longest ends.
    """

    body_bytes: int = 10_000_000
    images: int = 64
    pixels: int = 20_000_000
    requests: int = 256
    refusal_s: float = 0.25
    queue_images: int = 512
    deadline_s: float = 10.0
    head_bytes: int = 32_768
    head_s: float = 10.0
    connections: int = 2048
