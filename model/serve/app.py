"""
The scoring API, as a bare ASGI application: nine paths need no framework, and each layer costs.

``openapi.json`` describes it; ``tests/model/serve`` holds the two together.
"""

from __future__ import annotations

import itertools
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from model.serve import problems
from model.serve.access import AccessLog
from model.serve.capture import Capture
from model.serve.doors import Doors
from model.serve.exchange import CLOSE, Answer, Request
from model.serve.pages import Pages
from model.serve.problems import Problem

if TYPE_CHECKING:
    from model.serve.scoring import Scoring
    from model.serve.server import Drain

SAFE_ID = re.compile(rb"^[A-Za-z0-9._-]{1,100}$")
Handler = Callable[[Request, str], Awaitable[Answer]]

logger = logging.getLogger("model.serve")


class Application:
    """What answers requests: finds the handler, and gives every answer what each has to carry."""

    def __init__(
        self,
        scoring: Scoring,
        pages: Pages,
        doors: Doors,
        drain: Drain,
        log: AccessLog,
        capture: Capture | None,
    ) -> None:
        self._measures, self._doors, self._drain = scoring.measures, doors, drain
        self.log, self.capture = log, capture
        self._identity = scoring.identity_headers
        self._ids = (f"{prefix}-{n:x}" for prefix in [secrets.token_hex(6)]
                     for n in itertools.count(1))  # fmt: skip
        ready = _Readiness(drain)
        self._handlers: dict[str, dict[str, Handler]] = {
            "/score": {"POST": scoring.score},
            "/version": {"GET": scoring.version},
            "/metrics": {"GET": scoring.metrics},
            "/healthz": {"GET": ready.health},
            "/readyz": {"GET": ready.ready},
            **pages.handlers,
        }

    def refusal(self) -> bytes:
        """The whole answer to a request for which there is no room."""
        answer = Answer.to(problems.overloaded("too many requests are in work; try again"))
        headers = (
            *self._identity, *answer.headers, (b"content-type", answer.kind),
            (b"content-length", b"%d" % len(answer.body)),
        )  # fmt: skip
        lines = b"".join(b"%s: %s\r\n" % each for each in headers)
        return b"HTTP/1.1 503 Service Unavailable\r\n" + lines + b"\r\n" + answer.body

    def note_refusal(self) -> None:
        """Count one."""
        self._measures.requests["/score", 503] += 1

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        request = Request(scope, receive)
        own_id = request.headers.get(b"x-request-id")
        request_id = own_id.decode() if own_id and SAFE_ID.match(own_id) else next(self._ids)
        self._measures.in_flight += 1
        try:
            answer = await self._answer(request, request_id)
        except Problem as problem:
            answer = Answer.to(problem)
        except Exception:
            logger.exception("request %s failed", request_id)
            answer = Answer.to(Problem(500, "the service failed; its log says why, under this id"))
        finally:
            self._measures.in_flight -= 1
        await self._send(send, request, request_id, answer)
        seconds = time.perf_counter() - began
        path = request.path if request.path in self._handlers else "other"
        self._measures.answered(path, answer.status, seconds)
        self.log.note(request_id, request.method, path, answer.status, seconds, answer.images)

    async def _answer(self, request: Request, request_id: str) -> Answer:
        method = "GET" if request.method == "HEAD" else request.method
        methods = self._handlers.get(request.path)
        if method == "OPTIONS" and methods and self._doors.is_preflight(request):
            return self._doors.preflight(request, methods)
        if not self._doors.are_open(request):
            raise Problem(401, "send a valid key: 'Authorization: Bearer KEY'", WHO)
        if methods is None:
            raise Problem(404, f"there is nothing at {request.path}; /docs lists what there is")
        handler = methods.get(method)
        if handler is None:
            allowed = ((b"allow", ", ".join(methods).encode()),)
            raise Problem(405, f"{request.path} answers {', '.join(methods)}; see /docs", allowed)
        return await handler(request, request_id)

    async def _send(self, send: Any, request: Request, request_id: str, answer: Answer) -> None:
        headers = [
            *self._identity,
            (b"content-type", answer.kind),
            (b"content-length", b"%d" % len(answer.body)),
            (b"x-request-id", request_id.encode()),
            *answer.headers,
        ]
        if self._doors.origins:
            headers += self._doors.shared_with(request)
        if self._drain.is_on:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


class _Readiness:
    def __init__(self, drain: Drain) -> None:
        self._drain = drain

    async def health(self, _: Request, __: str) -> Answer:
        """The process lives."""
        return Answer.of({"status": "alive"})

    async def ready(self, _: Request, __: str) -> Answer:
        """It takes requests; not while it ends."""
        if self._drain.is_on:
            raise problems.overloaded("the service is about to end")
        return Answer.of({"status": "ready"})


WHO = ((b"www-authenticate", b"Bearer"), *CLOSE)
