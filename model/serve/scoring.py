"""The endpoints that speak of the model: score, version, metrics."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from model.serve.answers import Answers
from model.serve.batches import Answered, Pixels
from model.serve.bounds import Bounds
from model.serve.capture import Capture
from model.serve.exchange import Answer, Request
from model.serve.measures import Measures
from model.serve.problems import Headers
from model.serve.reading import images_in, kind_of, read_images

if TYPE_CHECKING:
    from model.serve.settings import Identity


class Scoring:
    """
    Args:
        identity: which model this is; every answer carries it.
        capture: keeps a sample of the traffic, if it is to be kept.
        load: makes an interpreter for a model folder.
    """

    def __init__(
        self, identity: Identity, bounds: Bounds, capture: Capture | None, **load: Any
    ) -> None:
        self.measures = Measures()
        self._identity, self._bounds, self._capture = identity, bounds, capture
        self._answers = Answers(identity.folder.path, bounds, self.measures, **load)
        self.measures.waiting = lambda: self._answers.batches.images
        if capture:
            self.measures.captured = capture.fates
        said = {"name": identity.name, "version": identity.version, "digest": identity.digest}
        self._model = said
        self._said = orjson.Fragment(orjson.dumps(said))
        self.identity_headers: Headers = tuple(
            (f"x-model-{key}".encode(), value.encode("latin-1", "replace"))
            for key, value in said.items()
        )

    @property
    def is_crowded(self) -> bool:
        """Do all but as many images wait for the model as may?"""
        return self._answers.batches.is_crowded

    async def score(self, request: Request, request_id: str) -> Answer:
        """Answer what is on each image."""
        images = await read_images(request, self._bounds)
        pixels, answered = await self._answers.score(images)
        return self._said_of(request_id, images, pixels, answered)

    def score_soon(
        self, request: Request, request_id: str, finish: Callable[[Answer | Exception], None]
    ) -> bool:
        """
        The same for a request whose body is here, without waiting.

        Args:
            finish: is called with the answer when the model has given it.

        Returns:
            False if that cannot be done: an image needs more than a moment. Nothing was begun then.

        Raises:
            Problem: as ``score`` does.
        """
        images = images_in(kind_of(request), request.whole or b"", self._bounds)
        self._answers.batches.require_room(len(images))
        pixels = self._answers.plain(images)
        if pixels is None:
            return False

        def done(future: asyncio.Future[Answered]) -> None:
            error = future.exception()
            if isinstance(error, Exception):
                finish(error)
            else:
                finish(self._said_of(request_id, images, pixels, future.result()))

        self._answers.batches.submit(pixels).add_done_callback(done)
        return True

    def _said_of(
        self, request_id: str, images: list[bytes], pixels: Pixels, answered: Answered
    ) -> Answer:
        rows, found = answered
        self.measures.predicted(found)
        if self._capture:
            self._capture.note(request_id, images, pixels, rows, found)
        body = orjson.dumps({"predictions": found, "model": self._said})
        return Answer(body, images=len(images))

    async def version(self, _: Request, __: str) -> Answer:
        """Which model this is, in which process, since when."""
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._identity.since))
        labels = list(self._identity.folder.labels)
        return Answer.of({**self._model, "labels": labels, "pid": os.getpid(), "since": since})

    async def metrics(self, _: Request, __: str) -> Answer:
        """Measures for Prometheus."""
        text = generate_latest(self.measures)
        return Answer(text, CONTENT_TYPE_LATEST.encode())
