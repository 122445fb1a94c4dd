"""Numbers of many images at once: those of equal shape are stacked, and NumPy sees the stack."""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_checks.decoding import Pixels

HASH_SIDE: Final = 16  # a difference hash of 16 x 16 bits
DIGITS: Final = HASH_SIDE * HASH_SIDE // 4  # of it, in hexadecimal
LONG_SIDE: Final = 8192  # pixels; beyond it a matrix that averages would fill the memory
STACK_BYTES: Final = 1 << 19  # a stack that stays in the processor's cache
MOST_BYTES: Final = 1 << 23  # of all stacks that wait for more, as when no two sizes are equal


class Measures(NamedTuple):
    """Mean and deviation of intensities 0..255, and the perceptual hash in hexadecimal."""

    mean: float
    deviation: float
    perceptual_hash: str


class Stacks:
    """
    Takes images one by one, and measures them by the stack.

    What is found for an image does not depend on which others are in its stack.
    """

    def __init__(self) -> None:
        self.found: dict[int, Measures] = {}  # complete after ``flush``
        self._waiting: defaultdict[tuple[Any, ...], list[tuple[int, bytes]]] = defaultdict(list)
        self._bytes = 0

    def add(self, place: int, pixels: Pixels) -> None:
        """Take an image; its measures will be found under ``place``."""
        key, size = pixels[1:], len(pixels.data)
        stack = self._waiting[key]
        stack.append((place, pixels.data))
        self._bytes += size
        if len(stack) * size >= STACK_BYTES:
            self._measure(key)
        elif self._bytes >= MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Measure what still waits."""
        for key in list(self._waiting):
            self._measure(key)

    def _measure(self, key: tuple[Any, ...]) -> None:
        (shape, kind), stack = key, self._waiting.pop(key)
        data = stack[0][1] if len(stack) == 1 else b"".join(data for _, data in stack)
        self._bytes -= len(data)
        pixels = np.frombuffer(data, kind).reshape(len(stack), *shape)
        for (place, _), measures in zip(stack, measures_of(pixels), strict=True):
            self.found[place] = measures


def measures_of(pixels: NDArray[Any]) -> list[Measures]:
    """
    Measure a stack of images.

    Args:
        pixels: intensities 0..255, shape (images, height, width) or (images, height, width,
            channels); channels count alike.
    """
    grey = pixels.mean(axis=3, dtype=np.float32) if pixels.ndim == 4 else pixels
    flat = grey.reshape(len(grey), -1)
    digits, means = hashes_of(grey).tobytes().hex(), flat.mean(axis=1).tolist()
    hashes = [digits[at : at + DIGITS] for at in range(0, len(digits), DIGITS)]
    return list(map(Measures, means, flat.std(axis=1).tolist(), hashes))


def hashes_of(grey: NDArray[Any]) -> NDArray[np.uint8]:
    """
    Difference hash of each image: the same for a copy that was scaled, recompressed or brightened.

    Is each of 16 x 16 places brighter than its left neighbour?

    Args:
        grey: intensities, shape (images, height, width).

    Returns:
        32 bytes an image, shape (images, 32).
    """
    (_, height, width), small = grey.shape, grey
    if width > LONG_SIDE:
        small = _averaged_by_slices(small, HASH_SIDE + 1)
    if height > LONG_SIDE:
        small = _averaged_by_slices(small.swapaxes(1, 2), HASH_SIDE).swapaxes(1, 2)
    small = small.astype(np.float32)
    if height <= LONG_SIDE:
        small = _averaging(height, HASH_SIDE) @ small
    if width <= LONG_SIDE:
        small = small @ _averaging(width, HASH_SIDE + 1).T
    bits = small[:, :, 1:] > small[:, :, :-1] + 1e-3
    return np.packbits(bits.reshape(len(grey), -1), axis=1)


@functools.lru_cache(maxsize=256)
def _averaging(size: int, places: int) -> NDArray[np.float32]:
    """Matrix (places, size) that averages ``size`` values into ``places``, by overlap."""
    edges = np.linspace(0, size, places + 1)
    low, high = edges[:-1, None], edges[1:, None]
    cells = np.arange(size)
    overlap = np.clip(np.minimum(high, cells + 1) - np.maximum(low, cells), 0, None)
    matrix: NDArray[np.float32] = (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)
    return matrix


def _averaged_by_slices(values: NDArray[Any], places: int) -> NDArray[np.float32]:
    """What ``values @ _averaging(size, places).T`` would be, along the last axis, in no memory."""
    edges = np.linspace(0, values.shape[-1], places + 1).tolist()
    found = np.empty((*values.shape[:-1], places), np.float32)
    for place, (low, high) in enumerate(pairwise(edges)):
        first, last = math.floor(low), math.ceil(high)
        part = values[..., first:last]
        total = part.sum(axis=-1, dtype=np.float64)
        total -= (low - first) * part[..., 0] + (last - high) * part[..., -1]
        found[..., place] = total / (high - low)
    return found
