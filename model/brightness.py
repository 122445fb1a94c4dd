"""Two features of the pixels: the trainer notes them of test images, the service of its traffic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def brightness(pixels: NDArray[np.uint8]) -> tuple[float, float]:
    """
    Mean and deviation of one image's intensities 0..255, shape (height, width, channels).

    >>> brightness(np.array([[[10], [30]]], np.uint8))
    (20.0, 10.0)
    """
    return float(pixels.mean()), float(pixels.std())
