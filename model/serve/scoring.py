"""The endpoints that speak of the model: score, version, metrics."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import orjson
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from model.serve.answers import Answers
from model.serve.bounds import Bounds
from model.serve.capture import Capture
from model.serve.exchange import Answer, Headers, Request
from model.serve.measures import Measures
from model.serve.reading import read_images

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

    async def score(self, request: Request, request_id: str) -> Answer:
        """Answer what is on each image."""
        images = await read_images(request, self._bounds)
        pixels, rows, found = await self._answers.score(images)
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
