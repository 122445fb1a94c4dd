"""
A model that answers batches of any size without laying out its memory anew.

Another size of batch than the last one costs LiteRT a quarter of a millisecond at the next call:
five images' worth. So there is an interpreter for each size up to 8, and for some beyond; a batch
is answered in such parts: 29 = 16 + 8 + 5.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.scorer import Scorer

SIZES = (32, 16, 8, 7, 6, 5, 4, 3, 2, 1)
MOST_BYTES = 64_000_000  # of copies of the weights: a large model has fewer sizes


class Engine:
    """
    Interpreters of one model, for one thread.

    Args:
        folder: has ``model.tflite``.
    """

    def __init__(self, folder: Path) -> None:
        copies = max(1, MOST_BYTES // max(1, (folder / "model.tflite").stat().st_size))
        self._parts = [(size, Scorer(folder)) for size in SIZES[-copies:]]

    def warm(self, shape: tuple[int, int, int]) -> None:
        """Lay out the memory of each size: not at a user's expense."""
        for size, scorer in self._parts:
            scorer.predict(np.zeros((size, *shape), np.uint8))

    def predict(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities of each class, shape (images, classes); see ``Scorer.predict``."""
        found, at = [], 0
        for size, scorer in self._parts:
            while len(pixels) - at >= size:
                found.append(scorer.predict(pixels[at : at + size]))
                at += size
        return found[0] if len(found) == 1 else np.concatenate(found)
