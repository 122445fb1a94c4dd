"""Answers to the images of one part: probabilities, brightness, and what cannot be answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.batch_score.scores import TENTHS
from model.brightness import brightness_of_each
from model.images import RawImage
from model.pixels import BadImage
from model.plain import decode_plain
from model.score import BATCH, pixels_of
from model.scorer import Scorer

EXAMPLES = 5  # of images that could not be scored, a part
MOST_BATCHES, BLOCK_BYTES = 32, 4 << 20  # of pixels that are decoded before they are answered

Shape = tuple[int, int, int]  # height, width, channels


@dataclass(frozen=True)
class Answered:
    """
    What a model said to some images.

    Attributes:
        paths, labels, splits: of the images that were scored.
        probabilities: shape (images, classes).
        mean, deviation: of the intensities 0..255 that the network got, shape (images,).
        bad: path, label, split and problem of each image that could not be scored.
    """

    paths: list[str]
    labels: list[str]
    splits: list[str]
    probabilities: NDArray[np.float32]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    bad: list[tuple[str, str, str, str]]

    @property
    def classes(self) -> NDArray[np.int64]:
        """Place of the most probable class of each image."""
        places: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return places

    @property
    def confidence(self) -> NDArray[np.float32]:
        """Its probability."""
        return self.probabilities[np.arange(len(self.probabilities)), self.classes]

    def summary(self, labels: tuple[str, ...]) -> dict[str, Any]:
        """Images by class and by tenth of confidence; how many have a label, and are right."""
        places = self.classes
        tenths = np.minimum((self.confidence * TENTHS).astype(int), TENTHS - 1)
        known = {label: place for place, label in enumerate(labels)}
        truth = np.array([known.get(label, -1) for label in self.labels], int)
        counts = sorted(Counter(places.tolist()).items())
        return {
            "predicted": {labels[at]: count for at, count in counts},
            "tenths": np.bincount(tenths, minlength=TENTHS).tolist(),
            "labelled": int((truth >= 0).sum()),
            "right": int((truth == places).sum()),
            "problems": [[path, problem] for path, _, _, problem in self.bad[:EXAMPLES]],
        }


@dataclass
class Filling:
    """
    Fills one block of pixels after the other, and notes whose they are.

    An image costs some microseconds here: hence plain lists, and blocks of many batches. Code that
    decodes and code that multiplies push each other out of the processor's memory.
    """

    shape: Shape
    paths: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    bad: list[tuple[str, str, str, str]] = field(default_factory=list)

    def blocks(self, images: Iterable[RawImage]) -> Iterator[NDArray[np.uint8]]:
        """Pixels of some images, whole batches but at the end; the next block takes the memory."""
        batches = max(1, min(MOST_BATCHES, BLOCK_BYTES // (BATCH * int(np.prod(self.shape)))))
        pixels, at, shape = np.empty((batches * BATCH, *self.shape), np.uint8), 0, self.shape
        path, label, split = self.paths.append, self.labels.append, self.splits.append
        for image in images:
            try:
                plain = decode_plain(image.data, shape) if image.raw_shape is None else None
                pixels[at] = pixels_of(image, shape) if plain is None else plain
            except BadImage as error:
                problem = str(error).removeprefix(f"{image.path}: ")
                self.bad.append((image.path, image.label, image.split, problem))
                continue
            path(image.path)
            label(image.label)
            split(image.split)
            at += 1
            if at == len(pixels):
                yield pixels
                at = 0
        if at:
            yield pixels[:at]


def answer(scorer: Scorer, images: Iterable[RawImage], shape: Shape, classes: int) -> Answered:
    """Score ``images``; one that cannot be decoded is noted as bad."""
    filling, answers = Filling(shape), [np.zeros((0, classes), np.float32)]
    lights = [(np.zeros(0), np.zeros(0))]
    for pixels in filling.blocks(images):
        for first in range(0, len(pixels), BATCH):
            answers.append(scorer.predict(pixels[first : first + BATCH]))
        lights.append(brightness_of_each(pixels))
    mean, deviation = map(np.concatenate, zip(*lights, strict=True))
    return Answered(
        filling.paths, filling.labels, filling.splits, np.concatenate(answers), mean, deviation,
        filling.bad,
    )  # fmt: skip
