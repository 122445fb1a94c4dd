"""A request and its answer: what the handlers see of HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from model.serve.bounds import Bounds
from model.serve.problems import CLOSE, Headers, Problem, late_body

STATUS_LINES = {
    each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus
}
JSON, PROBLEM, HTML = b"application/json", b"application/problem+json", b"text/html; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    body: bytes
    kind: bytes = JSON
    status: int = 200
    headers: Headers = ()
    images: int = 0  # that it speaks of

    def encoded(self, headers: Headers) -> bytes:
        """The whole answer in HTTP/1.1, with some more headers."""
        lines = b"".join([b"%s: %s\r\n" % each for each in (*headers, *self.headers)])
        return b"%scontent-type: %s\r\ncontent-length: %d\r\n%s\r\n%s" % (
            STATUS_LINES[self.status], self.kind, len(self.body), lines, self.body,
        )  # fmt: skip

    @classmethod
    def of(cls, value: object) -> Answer:
        """``value`` as JSON."""
        return cls(orjson.dumps(value))

    @classmethod
    def to(cls, problem: Problem) -> Answer:
        """A problem, as RFC 9457 says."""
        return cls(orjson.dumps(problem.described()), PROBLEM, problem.status, problem.headers)


class Request:
    """
    One request; its body is read when a handler asks for it.

    Args:
        receive: of ASGI, to read the body by.
        whole: the body, where it is here already.
    """

    __slots__ = ("_receive", "headers", "method", "path", "whole")

    def __init__(
        self,
        method: str,
        path: str,
        headers: dict[bytes, bytes],
        receive: Any = None,
        whole: bytes | None = None,
    ) -> None:
        self.method, self.path, self.headers, self.whole = method, path, headers, whole
        self._receive = receive

    async def body(self, bounds: Bounds) -> bytes:
        """
        The whole body.

        Raises:
            Problem: 413 larger than ``bounds.body_bytes``, 408 slower than ``bounds.deadline_s``,
                400 the connection ended within it.
        """
        if self.whole is not None:
            return self.whole
        declared = self.headers.get(b"content-length", b"")
        if len(declared) > 7 and declared.isdigit() and int(declared) > bounds.body_bytes:
            raise _too_much(bounds)
        message = await self._receive()
        if message["type"] == "http.request" and not message["more_body"]:
            body: bytes = message["body"]
            if len(body) > bounds.body_bytes:
                raise _too_much(bounds)
            return body
        return await self._rest(message, bounds)

    async def _rest(self, message: Any, bounds: Bounds) -> bytes:
        import asyncio

        body = bytearray()
        try:
            async with asyncio.timeout(bounds.deadline_s):
                while True:
                    if message["type"] != "http.request":
                        raise Problem(400, "the connection ended within the body", CLOSE)
                    body += message["body"]
                    if len(body) > bounds.body_bytes:
                        raise _too_much(bounds)
                    if not message["more_body"]:
                        return bytes(body)
                    message = await self._receive()
        except TimeoutError:
            raise late_body(bounds.deadline_s) from None


def _too_much(bounds: Bounds) -> Problem:
    detail = f"the body is larger than {bounds.body_bytes:,} bytes; send fewer or smaller images"
    return Problem(413, detail, CLOSE)
