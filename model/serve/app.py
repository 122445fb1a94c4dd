"""The scoring API. ``openapi.json`` describes it; ``tests/model/serve`` holds the two together."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from model.serve import problems
from model.serve.answers import Answers
from model.serve.measures import Measures
from model.serve.problems import Problem
from model.serve.reading import read_images
from model.serve.wrapping import Wrapping

if TYPE_CHECKING:
    from model.serve.server import Drain, Identity

HERE = Path(__file__).parent
MOST_IN_FLIGHT = 256
RETRY_AFTER_S = 1


def build_app(identity: Identity, keys: tuple[str, ...], drain: Drain) -> Any:
    """The ASGI application that serves ``identity``."""
    measures, api = Measures(), _Api(identity)
    routes = [
        Route("/score", api.score, methods=["POST"]),
        Route("/healthz", api.health),
        Route("/readyz", api.ready),
        Route("/version", api.version),
        Route("/metrics", api.metrics),
        Route("/openapi.json", api.description),
        Route("/docs", api.docs),
        Route("/favicon.ico", api.icon),
        Route("/", api.page),
    ]
    handlers: dict[Any, Any] = {
        Problem: problems.on_problem,
        HTTPException: problems.on_http,
        Exception: problems.on_bug,
    }
    app = Starlette(routes=routes, exception_handlers=handlers)
    api.measures, api.drain = measures, drain
    return Wrapping(app, identity, keys, drain, measures)


class _Api:
    """The endpoints, over one model."""

    measures: Measures
    drain: Drain

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._answers = Answers(identity.folder)
        self._model = {
            "name": identity.name,
            "version": identity.version,
            "digest": identity.digest,
        }
        self._in_flight = 0

    async def score(self, request: Request) -> Response:
        """Answer what is on each image."""
        if self._in_flight >= MOST_IN_FLIGHT:
            wait = {"Retry-After": str(RETRY_AFTER_S)}
            raise Problem(503, f"{MOST_IN_FLIGHT} requests are in work already; try again", wait)
        self._in_flight += 1
        try:
            images = await read_images(request)
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._answers.pool, self._answers.score, images)
        finally:
            self._in_flight -= 1
        self.measures.predicted(found)
        return JSONResponse({"predictions": found, "model": self._model})

    async def health(self, _: Request) -> Response:
        """The process lives."""
        return JSONResponse({"status": "alive"})

    async def ready(self, _: Request) -> Response:
        """It takes requests; not while it ends."""
        if self.drain.is_on:
            raise Problem(503, "the service is about to end", {"Retry-After": str(RETRY_AFTER_S)})
        return JSONResponse({"status": "ready"})

    async def version(self, _: Request) -> Response:
        """Which model this is, in which process, since when."""
        import os

        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._identity.since))
        labels = list(self._identity.folder.labels)
        return JSONResponse({**self._model, "labels": labels, "pid": os.getpid(), "since": since})

    async def metrics(self, _: Request) -> Response:
        """Measures for Prometheus."""
        return Response(generate_latest(self.measures.registry), media_type=CONTENT_TYPE_LATEST)

    async def description(self, _: Request) -> Response:
        """The OpenAPI description."""
        described = json.loads((HERE / "openapi.json").read_text(encoding="utf-8"))
        described["info"]["version"] = self._identity.version
        described["info"]["title"] = f"{self._identity.name}: image classifier"
        return JSONResponse(described)

    async def docs(self, _: Request) -> Response:
        """The API for people."""
        return HTMLResponse((HERE / "docs.html").read_text(encoding="utf-8"))

    async def page(self, _: Request) -> Response:
        """The page on which a person drops an image."""
        return HTMLResponse((HERE / "page.html").read_text(encoding="utf-8"))

    async def icon(self, _: Request) -> Response:
        """Browsers ask for it."""
        return Response(ICON, media_type="image/svg+xml")


ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
    '<rect width="16" height="16" rx="4" fill="#2563eb"/>'
    '<path d="M3 12l4-6 3 4 1.5-2L14 12z" fill="#fff"/></svg>'
)
