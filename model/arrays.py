"""
A data set as arrays of pixels: decoded once, before the first epoch.

What fits into memory stays there; a larger set becomes a file that is mapped into memory, so the
training loop gathers its batches the same way in both cases.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.config import TrainConfig
from model.images import BadDataset, Chunk, ImageSet, RawImage
from model.pixels import BadImage
from model.score import pixels_of

WORKERS = 4
IN_FLIGHT = 16
MOST_IN_MEMORY_BYTES = 2 << 30
GREY_MODES = {"1", "L", "LA", "I", "I;16", "I;16B", "F"}
Part = TypeVar("Part")


@dataclass(frozen=True)
class Known:
    """What a first look at each image's header tells."""

    height: int
    width: int
    is_colour: bool
    label: str
    split: str
    sha256: str


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
    known = [each for part in _each_chunk(images, _look) for each in part]
    train = [each for each in known if each.split == "train"]
    test = [each for each in known if each.split == "test"]
    if len(images.labels) < 2 or not train or not test:
        raise BadDataset(
            f"{images.uri} has {len(images.labels)} classes, {len(train)} training and {len(test)} "
            "test images; a classifier needs two classes and images in both splits"
        )
    shape = _shape(known, config)
    pixels = _room(len(train), shape, scratch)
    first = 0
    for part in _each_chunk(images, partial(_decode, shape=shape)):
        pixels[first : first + len(part)] = part
        first += len(part)
    number = {label: index for index, label in enumerate(images.labels)}
    labels = np.array([number[each.label] for each in train], np.int32)
    return Arrays(pixels, labels, shape, len(test), _test_digest(test))


def _each_chunk(images: ImageSet, work: Callable[[Chunk], Part]) -> Iterator[Part]:
    """Apply ``work`` to each chunk, some at a time, in order; never all of them in memory."""
    chunks = images.chunks()
    with ThreadPoolExecutor(WORKERS) as pool:
        while some := list(islice(chunks, IN_FLIGHT)):
            yield from pool.map(work, some)


def _look(chunk: Chunk) -> list[Known]:
    return [_known(image) for image in chunk.read()]


def _known(image: RawImage) -> Known:
    if image.raw_shape:
        height, width, channels = image.raw_shape
        is_colour = channels > 1
    else:
        try:
            opened = Image.open(io.BytesIO(image.data))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise BadImage(f"{image.path}: {image.fault or error}") from error
        (width, height), is_colour = opened.size, opened.mode not in GREY_MODES
    digest = hashlib.sha256(image.data).hexdigest()
    return Known(height, width, is_colour, image.label, image.split, digest)


def _decode(chunk: Chunk, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    found = []
    for image in chunk.read():
        if image.split != "train":
            continue
        try:
            found.append(pixels_of(image, shape))
        except BadImage as error:
            raise BadImage(f"{image.path}: {error}") from error
    return np.stack(found) if found else np.zeros((0, *shape), np.uint8)


def _shape(known: list[Known], config: TrainConfig) -> tuple[int, int, int]:
    (height, width), _ = Counter((each.height, each.width) for each in known).most_common(1)[0]
    channels = config.channels or (3 if any(each.is_colour for each in known) else 1)
    return config.height or height, config.width or width, channels


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
