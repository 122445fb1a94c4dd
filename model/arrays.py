"""
A data set as arrays of pixels: decoded once, before the first epoch.

What fits into memory stays there; a larger set becomes a file that is mapped into memory, so the
training loop gathers its batches the same way in both cases.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.config import TrainConfig
from model.headers import Known, Readable, each_chunk, look_at, shape_of
from model.images import BadDataset, Chunk, ImageSet
from model.pixels import BadImage
from model.score import pixels_of

MOST_IN_MEMORY_BYTES = 2 << 30


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
    if len(images.labels) < 2 or not train or not test:
        raise BadDataset(
            f"{images.uri} has {len(images.labels)} classes, {len(train)} training and {len(test)} "
            "test images; a classifier needs two classes and images in both splits"
        )
    shape = shape_of(known, config)
    pixels, labels = training_pixels(images, train, shape, scratch)
    return Arrays(pixels, labels, shape, len(test), _test_digest(test))


def training_pixels(
    images: Readable, train: list[Known], shape: tuple[int, int, int], scratch: Path
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Pixels and classes of the training images, in the order of the data set."""
    pixels = _room(len(train), shape, scratch)
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


def _room(images: int, shape: tuple[int, int, int], scratch: Path) -> NDArray[np.uint8]:
    whole = (images, *shape)
    if np.prod(whole, dtype=np.int64) <= MOST_IN_MEMORY_BYTES:
        return np.empty(whole, np.uint8)
    scratch.mkdir(parents=True, exist_ok=True)
    return np.lib.format.open_memmap(scratch / "pixels.npy", "w+", np.uint8, whole)


def _test_digest(test: list[Known]) -> str:
    total = hashlib.sha256()
    for row in sorted(f"{each.sha256}\0{each.label}\n" for each in test):
        total.update(row.encode())
    return total.hexdigest()
