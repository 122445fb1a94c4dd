"""What is known of some images: what a model answered, and how bright they were."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Answers:
    """
    One row an image, in the order in which they came.

    Attributes:
        probabilities: of each class, shape (images, classes); rows sum to 1.
        mean, deviation: of the intensities 0..255, shape (images,); NaN where nobody noted them.
    """

    probabilities: NDArray[np.float32]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def classes(self) -> NDArray[np.int64]:
        """Place of the most probable class."""
        places: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return places

    @property
    def confidence(self) -> NDArray[np.float32]:
        """Its probability."""
        largest: NDArray[np.float32] = self.probabilities.max(axis=1)
        return largest

    def take(self, places: NDArray[np.int64]) -> Answers:
        """Some of the rows."""
        return Answers(self.probabilities[places], self.mean[places], self.deviation[places])
