"""Two features of the pixels: the trainer notes them of test images, the service of its traffic."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_VALUES = 1 << 16  # at once: within a processor's own memory


def brightness(pixels: NDArray[np.uint8]) -> tuple[float, float]:
    """
    Mean and deviation of one image's intensities 0..255, shape (height, width, channels).

    >>> brightness(np.array([[[10], [30]]], np.uint8))
    (20.0, 10.0)
    """
    return float(pixels.mean()), float(pixels.std())


def brightness_of_each(
    pixels: NDArray[np.uint8],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    The same two of many images, shape (images, height, width, channels), in a tenth of the time.

    >>> [each.tolist() for each in brightness_of_each(np.array([[[[10], [30]]]], np.uint8))]
    [[20.0], [10.0]]
    """
    flat = pixels.reshape(len(pixels), -1)
    size = flat.shape[1]
    together = max(1, MOST_VALUES // size)
    sums, squares = np.empty(len(flat)), np.empty(len(flat))
    kind: Any = np.int32 if size * 255**2 < 2**31 else np.float64  # whole numbers in either: exact
    for first in range(0, len(flat), together):
        values: NDArray[Any] = flat[first : first + together].astype(kind)
        sums[first : first + together] = values.sum(axis=1, dtype=kind)
        squares[first : first + together] = np.einsum("ij,ij->i", values, values)
    mean = sums / size
    return mean, np.sqrt(np.maximum(squares / size - mean * mean, 0))
