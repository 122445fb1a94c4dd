"""From encoded images to answers: decoding, the model, and the words for what it says."""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from model.folder import Labels, read_labels
from model.plain import decode_plain
from model.serve.batches import Answered, Answering, Batches, Pixels, Predict, Rows
from model.serve.bounds import Bounds
from model.serve.engine import Engine
from model.serve.measures import Measures
from model.serve.problems import Problem, overloaded

TOP = 5
QUICK_S = 0.002  # a model that answers one image within it works in the event loop
QUICK_BYTES = 32_768  # encoded images up to it, in one request, are decoded in the event loop
DECODERS = 2
MOST_DECODING = 32  # requests whose images are decoded in threads, waiting or in work


class Answers:
    """
    Answers of one model.

    Args:
        folder: has ``model.tflite`` and ``labels.json``.
        load: makes an interpreter for the folder; it is not thread-safe, so each lane has its own.
    """

    def __init__(self, folder: Any, bounds: Bounds, measures: Measures, load: Any = Engine) -> None:
        self._known: Labels = read_labels(folder)
        self._words = self._known.labels
        self._bounds = bounds
        self._decoders = ThreadPoolExecutor(DECODERS, "decode")
        self._decoding = 0
        first = self._booted(load(folder))
        predicts, pool = [first], None
        if _seconds(first, self._known) > QUICK_S:
            count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
            predicts += [self._booted(load(folder)) for _ in range(count - 1)]
            pool = ThreadPoolExecutor(count, "score")
        self._is_slow = pool is not None
        lanes = [self._answering(predict) for predict in predicts]
        self.batches = Batches(
            lanes, queue_images=bounds.queue_images, note=measures.batched, pool=pool
        )

    async def score(self, images: list[bytes]) -> tuple[Pixels, Answered]:
        """
        Pixels of some encoded images, and what is answered to them.

        Raises:
            Problem: 422 an image cannot be decoded, 503 too much waits or it takes too long.
        """
        self.batches.require_room(len(images))
        pixels = self.plain(images)
        if pixels is not None:
            return pixels, await self.batches.submit(pixels)
        try:
            async with asyncio.timeout(self._bounds.deadline_s):
                pixels = await self._decode(images)
                return pixels, await self.batches.submit(pixels)
        except TimeoutError:
            raise overloaded(f"no answer within {self._bounds.deadline_s:g} s") from None

    def _booted(self, engine: Any) -> Predict:
        engine.warm(self._known.shape)
        predict: Predict = engine.predict
        return predict

    def _answering(self, predict: Predict) -> Answering:
        """Predict, and say it: for a whole batch in one go."""

        def answer(pixels: Pixels) -> Answered:
            rows = predict(pixels)
            return rows, self.described(rows)

        return answer

    def described(self, rows: Rows) -> list[dict[str, Any]]:
        """The most probable classes of each image, best first."""
        best = np.argsort(-rows, axis=1, kind="stable")[:, :TOP]
        chosen = rows[np.arange(len(rows))[:, None], best]
        shares = np.rint(chosen.astype(np.float64) * 1e6) / 1e6
        words = self._words
        found = []
        for places, probabilities in zip(best.tolist(), shares.tolist(), strict=True):
            top = [
                {"label": words[place], "probability": probability}
                for place, probability in zip(places, probabilities, strict=True)
            ]
            found.append({"label": words[places[0]], "probability": probabilities[0], "top": top})
        return found

    def plain(self, images: list[bytes]) -> Pixels | None:
        """
        Decode here what is quickly decoded and answered: small plain images of the right shape.

        With a slow model, nothing is: its answers are awaited with a deadline.
        """
        if self._is_slow or sum(map(len, images)) > QUICK_BYTES:
            return None
        shape, found = self._known.shape, []
        for data in images:
            pixels = decode_plain(data, shape)
            if pixels is None:
                return None
            found.append(pixels)
        return found[0][None] if len(found) == 1 else np.stack(found)

    async def _decode(self, images: list[bytes]) -> Pixels:
        if self._decoding >= MOST_DECODING:
            raise overloaded(f"{self._decoding} requests are being decoded already; try again")
        self._decoding += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._decoders, self._decoded, images)
        finally:
            self._decoding -= 1

    def _decoded(self, images: list[bytes]) -> Pixels:
        from model.pixels import BadImage, decode

        height, width, channels = self._known.shape
        found = []
        for at, data in enumerate(images):
            try:
                found.append(
                    decode(
                        data, height=height, width=width, channels=channels,
                        most_pixels=self._bounds.pixels,
                    )
                )  # fmt: skip
            except BadImage as error:
                raise Problem(422, f"image {at}: {error}") from None
        return np.stack(found)


def _seconds(predict: Predict, known: Labels) -> float:
    """Of one image, the best of three."""
    image, found = np.zeros((1, *known.shape), np.uint8), []
    for _ in range(3):
        began = time.perf_counter()
        predict(image)
        found.append(time.perf_counter() - began)
    return min(found)
