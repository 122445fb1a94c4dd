"""From encoded images to answers: decoding and inference in a few threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from model.folder import ModelFolder
from model.pixels import BadImage, decode
from model.scorer import Scorer
from model.serve.problems import Problem

THREADS = 2
TOP = 5


class Answers:
    """Answers of one model; a LiteRT interpreter is not thread-safe, so each thread has its own."""

    def __init__(self, folder: ModelFolder) -> None:
        self._folder = folder.path
        self._labels, self._shape = folder.labels, folder.shape
        self._own = threading.local()
        self.pool = ThreadPoolExecutor(THREADS, "score", initializer=self._boot)
        list(self.pool.map(lambda _: self._warm(), range(THREADS)))

    def score(self, images: list[bytes]) -> list[dict[str, Any]]:
        """
        One prediction an image.

        Raises:
            Problem: 422, naming the image that cannot be decoded.
        """
        pixels = np.stack([self._pixels(data, at) for at, data in enumerate(images)])
        return [self._described(row) for row in self._own.scorer.predict(pixels)]

    def _pixels(self, data: bytes, at: int) -> Any:
        height, width, channels = self._shape
        try:
            return decode(data, height=height, width=width, channels=channels)
        except BadImage as error:
            raise Problem(422, f"image {at}: {error}") from None

    def _described(self, probabilities: Any) -> dict[str, Any]:
        best = np.argsort(-probabilities, kind="stable")[:TOP]
        top = [
            {"label": self._labels[i], "probability": round(float(probabilities[i]), 6)}
            for i in best
        ]
        return {**top[0], "top": top}

    def _boot(self) -> None:
        self._own.scorer = Scorer(self._folder)

    def _warm(self) -> None:
        """The first call prepares the interpreter: not at a user's expense."""
        self._own.scorer.predict(np.zeros((1, *self._shape), np.uint8))
