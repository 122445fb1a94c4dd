"""
The scoring API, as a bare ASGI application: a dozen paths need no framework, and each layer costs.

``openapi.json`` describes it; ``tests/model/serve`` holds the two together.
"""

from __future__ import annotations

import asyncio
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
from model.serve.captured import Captured
from model.serve.doors import Doors
from model.serve.exchange import Answer, Request
from model.serve.pages import Pages
from model.serve.problems import CLOSE, Headers, Problem
from model.serve.readiness import Readiness

if TYPE_CHECKING:
    from model.serve.readiness import Drain
    from model.serve.scoring import Scoring

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
        captured: Captured | None = None,
    ) -> None:
        self._scoring, self._measures = scoring, scoring.measures
        self._doors, self._drain = doors, drain
        self.log, self.capture = log, capture
        self._identity = scoring.identity_headers
        self._ids = (f"{prefix}-{n:x}" for prefix in [secrets.token_hex(6)]
                     for n in itertools.count(1))  # fmt: skip
        ready = Readiness(drain)
        self._handlers: dict[str, dict[str, Handler]] = {
            "/score": {"POST": scoring.score},
            "/version": {"GET": scoring.version},
            "/metrics": {"GET": scoring.metrics},
            "/healthz": {"GET": ready.health},
            "/readyz": {"GET": ready.ready},
            **pages.handlers,
            **(captured.handlers if captured else {}),
        }

    def refusal(self) -> bytes:
        """The whole answer to a request for which there is no room."""
        problem = problems.overloaded("too many requests are in work; try again")
        return Answer.to(problem).encoded(self._identity)

    @property
    def in_flight(self) -> int:
        """Requests in work."""
        return self._measures.in_flight

    @property
    def is_crowded(self) -> bool:
        """Is the queue before the model all but full?"""
        return self._scoring.is_crowded

    def note_refusal(self) -> None:
        """Count one."""
        self._measures.requests["/score", 503] += 1

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, as ASGI has it."""
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        request = Request(scope["method"], scope["path"], dict(scope["headers"]), receive)
        request_id = self.begin(request)
        answer = await self.answer(request, request_id)
        headers = [
            (b"content-type", answer.kind),
            (b"content-length", b"%d" % len(answer.body)),
            *self._headers(request, request_id),
            *answer.headers,
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        self._end(request, request_id, answer, began)

    def score_soon(
        self, request: Request, reply: Callable[[bytes], None]
    ) -> asyncio.Task[None] | None:
        """
        Answer a scoring request whose body is here, past ASGI: no task, no messages, one write.

        Args:
            reply: is called with the whole answer.

        Returns:
            A task, if it takes more than a moment.
        """
        began = time.perf_counter()
        request_id = self.begin(request)

        def finish(found: Answer | Exception) -> None:
            if isinstance(found, Exception):
                found = _failed(found, request_id)
            reply(found.encoded(self._headers(request, request_id)))
            self._end(request, request_id, found, began)

        async def later() -> None:
            finish(await self.answer(request, request_id))

        try:
            self._doors.admit(request)
            if self._scoring.score_soon(request, request_id, finish):
                return None
        except Exception as error:  # noqa: BLE001 (told and logged by finish)
            finish(error)
            return None
        return asyncio.get_running_loop().create_task(later())

    def begin(self, request: Request) -> str:
        """Count a request in, and give it an id."""
        self._measures.in_flight += 1
        own_id = request.headers.get(b"x-request-id")
        return own_id.decode() if own_id and SAFE_ID.match(own_id) else next(self._ids)

    async def answer(self, request: Request, request_id: str) -> Answer:
        """What is answered, also to what cannot be."""
        try:
            return await self._answer(request, request_id)
        except Exception as error:  # noqa: BLE001 (told and logged)
            return _failed(error, request_id)

    def _end(self, request: Request, request_id: str, answer: Answer, began: float) -> None:
        """Count it out, and log it."""
        self._measures.in_flight -= 1
        seconds = time.perf_counter() - began
        path = self._known(request.path) or "other"
        self._measures.answered(path, answer.status, seconds)
        self.log.note(request_id, request.method, path, answer.status, seconds, answer.images)

    def _headers(self, request: Request, request_id: str) -> Headers:
        """What every answer carries."""
        headers = (*self._identity, (b"x-request-id", request_id.encode()))
        if self._doors.origins:
            headers = (*headers, *self._doors.shared_with(request))
        return (*headers, *CLOSE) if self._drain.is_on else headers

    def _known(self, path: str) -> str:
        """The path by which the handlers know it; empty if they do not."""
        if path in self._handlers:
            return path
        folder = f"{path.rpartition('/')[0]}/"
        return folder if folder != "/" and folder in self._handlers else ""

    async def _answer(self, request: Request, request_id: str) -> Answer:
        method = "GET" if request.method == "HEAD" else request.method
        methods = self._handlers.get(self._known(request.path))
        if method == "OPTIONS" and methods and self._doors.is_preflight(request):
            return self._doors.preflight(request, methods)
        self._doors.admit(request)
        if methods is None:
            raise Problem(404, f"there is nothing at {request.path}; /docs lists what there is")
        handler = methods.get(method)
        if handler is None:
            allowed = ((b"allow", ", ".join(methods).encode()),)
            raise Problem(405, f"{request.path} answers {', '.join(methods)}; see /docs", allowed)
        return await handler(request, request_id)


def _failed(error: Exception, request_id: str) -> Answer:
    """The answer to a request that cannot be answered."""
    if isinstance(error, Problem):
        return Answer.to(error)
    logger.error("request %s failed", request_id, exc_info=error)
    return Answer.to(Problem(500, "the service failed; its log says why, under this id"))
