"""Is one model better than another, or is it noise? A paired comparison on the same images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Comparison:
    """
    Two models on the same images.

    Attributes:
        images: how many were answered by both.
        gained: images that only the newcomer answers rightly.
        lost: images that only the champion answers rightly.
        difference: accuracy of the newcomer minus that of the champion, in [-1, 1].
        low, high: confidence interval of ``difference``.
    """

    images: int
    gained: int
    lost: int
    difference: float
    low: float
    high: float

    @property
    def is_better(self) -> bool:
        return self.low > 0

    @property
    def is_worse(self) -> bool:
        return self.high < 0


def compare(
    newcomer_right: NDArray[np.bool_], champion_right: NDArray[np.bool_], *, confidence: float
) -> Comparison:
    """
    Compare two models by the images on which they disagree.

    Args:
        newcomer_right: whether the newcomer is right, shape (images,).
        champion_right: the same of the champion, for the same images in the same order.
        confidence: of the interval, in (0, 1).

    Raises:
        ValueError: the two do not speak of the same number of images, or of none.

    Source:
        Agresti & Min (2005), "Simple improved confidence intervals for comparing matched
        proportions": half an image is added to each of the four cells, then Wald's interval.

    >>> right = np.array([True] * 90 + [False] * 10)
    >>> compare(right, right, confidence=0.95).is_better
    False
    """
    if newcomer_right.shape != champion_right.shape or newcomer_right.size == 0:
        shapes = f"{newcomer_right.shape} and {champion_right.shape}"
        raise ValueError(f"a paired comparison needs the same images twice; got {shapes}")
    gained = int(np.sum(newcomer_right & ~champion_right))
    lost = int(np.sum(~newcomer_right & champion_right))
    images = int(newcomer_right.size)
    total, up, down = images + 2, gained + 0.5, lost + 0.5
    middle = (up - down) / total
    deviation = math.sqrt((up + down) - (up - down) ** 2 / total) / total
    reach = NormalDist().inv_cdf(0.5 + confidence / 2) * deviation
    return Comparison(
        images, gained, lost, (gained - lost) / images, middle - reach, middle + reach
    )
