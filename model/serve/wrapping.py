"""What every request meets first: host, key, request id, identity headers, measures, drain."""

from __future__ import annotations

import hmac
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders

from model.serve.measures import Measures
from model.serve.problems import problem

if TYPE_CHECKING:
    from model.serve.server import Drain, Identity

OPEN = {"/healthz", "/readyz", "/", "/docs", "/openapi.json", "/favicon.ico"}
PATHS = {*OPEN, "/score", "/version", "/metrics"}
SAFE_ID = re.compile(r"^[A-Za-z0-9._-]{1,100}$")


class Wrapping:
    """ASGI around the application."""

    def __init__(
        self, app: Any, identity: Identity, keys: tuple[str, ...], drain: Drain, measures: Measures
    ) -> None:
        self._app, self._drain, self._measures = app, drain, measures
        self._keys = [key.encode() for key in keys]
        self._identity = {
            "X-Model-Name": identity.name,
            "X-Model-Version": identity.version,
            "X-Model-Digest": identity.digest,
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        path = scope["path"] if scope["path"] in PATHS else "other"
        own_id = headers.get("x-request-id", "")
        request_id = own_id if SAFE_ID.match(own_id) else uuid.uuid4().hex
        began, status = time.perf_counter(), 500

        async def send_marked(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answer = MutableHeaders(scope=message)
                answer.update({**self._identity, "X-Request-Id": request_id})
                if self._drain.is_on:
                    answer["Connection"] = "close"
            await send(message)

        self._measures.in_flight.inc()
        try:
            if path not in OPEN and not self._has_key(headers):
                refused = problem(
                    401, "send a valid key: 'Authorization: Bearer KEY'",
                    {"WWW-Authenticate": "Bearer", "Connection": "close"},
                )  # fmt: skip
                await refused(scope, receive, send_marked)
            else:
                await self._app(scope, receive, send_marked)
        finally:
            self._measures.in_flight.dec()
            self._measures.requests.labels(path, status).inc()
            self._measures.seconds.labels(path).observe(time.perf_counter() - began)

    def _has_key(self, headers: Headers) -> bool:
        """Compare with every key, in a time that tells nothing of any."""
        if not self._keys:
            return True
        kind, _, given = headers.get("authorization", "").partition(" ")
        found = [hmac.compare_digest(given.strip().encode(), key) for key in self._keys]
        return kind.lower() == "bearer" and any(found)
