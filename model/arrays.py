"""
A data set as arrays of pixels: decoded once, before the first epoch.

What fits into memory stays there; a larger set becomes a file that is mapped into memory, so the
training loop gathers its batches the same way in both cases.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.config import TrainConfig
from model.headers import Known, Readable, each_chunk, look_at, shape_of
from model.images import BadDataset, Chunk, ImageSet
from model.pixels import BadImage
from model.score import pixels_of

MOST_IN_MEMORY_BYTES = 2 << 30


class TrainingImages(Protocol):
    """What a report tells of the images that were learned from, wherever they lie."""

    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def train_images(self) -> int: ...
    @property
    def test_images(self) -> int: ...
    @property
    def test_digest(self) -> str: ...
    def some(self, places: Sequence[int]) -> NDArray[np.uint8]:
        """The pixels of those at ``places``, which rise, in the order of the data set."""


@dataclass(frozen=True)
class Arrays:
    """
    Training images as pixels.

    Attributes:
        pixels: intensities 0..255, shape (images, height, width, channels).
        labels: index of each image's class, shape (images,).
        shape: (height, width, channels).
        test_digest: digest of the test split: of (sha256, label) rows, in any order.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int32]
    shape: tuple[int, int, int]
    test_images: int
    test_digest: str

    @property
    def train_images(self) -> int:
        return len(self.labels)

    def some(self, places: Sequence[int]) -> NDArray[np.uint8]:
        return np.asarray(self.pixels[list(places)])


def load_arrays(images: ImageSet, config: TrainConfig, scratch: Path) -> Arrays:
    """
    Decode the training split of ``images``.

    Raises:
        BadDataset: no training or no test images, fewer than two classes.
        BadImage: an image that cannot be decoded, by name.
    """
    known = look_at(images)
    train = [each for each in known if each.split == "train"]
    test = [each for each in known if each.split == "test"]
    ask_for_enough(images, len(train), len(test))
    shape = shape_of(known, config)
    pixels, labels = training_pixels(images, train, shape, scratch)
    return Arrays(pixels, labels, shape, len(test), digest_of_test(sorted(map(row_of, test))))


def ask_for_enough(images: ImageSet, train: int, test: int) -> None:
    """Raises BadDataset: fewer than two classes, no training or no test images."""
    if len(images.labels) < 2 or not train or not test:
        raise BadDataset(
            f"{images.uri} has {len(images.labels)} classes, {train} training and {test} "
            "test images; a classifier needs two classes and images in both splits"
        )


def row_of(image: Known) -> str:
    """The line of an image in the digest of the test split."""
    return f"{image.sha256}\0{image.label}\n"


def digest_of_test(rows: Iterable[str]) -> str:
    """SHA-256 of the lines of all test images, in the order of their characters."""
    total = hashlib.sha256()
    for row in rows:
        total.update(row.encode())
    return total.hexdigest()


def training_pixels(
    images: Readable, train: list[Known], shape: tuple[int, int, int], scratch: Path
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Pixels and classes of the training images, in the order of the data set."""
    pixels = room_for(len(train), shape, scratch / "pixels.npy")
    first = 0
    for part in each_chunk(images, partial(_decode, shape=shape)):
        pixels[first : first + len(part)] = part
        first += len(part)
    number = {label: index for index, label in enumerate(images.labels)}
    return pixels, np.array([number[each.label] for each in train], np.int32)


def _decode(chunk: Chunk, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    found = []
    for image in chunk.read("train"):
        try:
            found.append(pixels_of(image, shape))
        except BadImage as error:
            raise BadImage(f"{image.path}: {error}") from error
    return np.stack(found) if found else np.zeros((0, *shape), np.uint8)


def room_for(images: int, shape: tuple[int, int, int], file: Path) -> NDArray[np.uint8]:
    """An array to fill: in memory if it is small enough, else ``file``, mapped into memory."""
    whole = (images, *shape)
    if np.prod(whole, dtype=np.int64) <= MOST_IN_MEMORY_BYTES:
        return np.empty(whole, np.uint8)
    file.parent.mkdir(parents=True, exist_ok=True)
    return np.lib.format.open_memmap(file, "w+", np.uint8, whole)
