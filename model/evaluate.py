"""What the predictions on the test images amount to. Plain NumPy: no network, no framework."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as arrow


@dataclass(frozen=True)
class Evaluation:
    """
    Predictions beside the truth.

    Attributes:
        labels: names of the classes.
        truth: index of each image's class, shape (images,).
        predicted: index of the class of highest probability, shape (images,).
        probabilities: shape (images, classes).
    """

    labels: tuple[str, ...]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    @property
    def accuracy(self) -> float:
        """Share of images answered rightly, in [0, 1]."""
        return float(np.mean(self.truth == self.predicted))

    @property
    def loss(self) -> float:
        """Mean negative logarithm of the probability given to the right class (nats)."""
        chosen = self.probabilities[np.arange(len(self.truth)), self.truth]
        return float(-np.log(np.clip(chosen, 1e-7, 1)).mean())

    @property
    def recall(self) -> dict[str, float]:
        """Share of each class that was found, in [0, 1]; no class without test images."""
        return recall(confusion(self.truth, self.predicted, len(self.labels)), self.labels)

    def worst(self, most: int) -> list[int]:
        """Places of the wrong answers, those given with the highest probability first."""
        wrong = np.flatnonzero(self.truth != self.predicted)
        sure = self.probabilities[wrong].max(axis=1, initial=0)
        return [int(place) for place in wrong[np.argsort(-sure, kind="stable")][:most]]

    def spread(self, most: int) -> list[int]:
        """Places of about as many images of each class, the first ones of each; in order."""
        each = max(1, most // len(self.labels))
        places = [np.flatnonzero(self.truth == c)[:each] for c in range(len(self.labels))]
        return [int(place) for place in sorted(np.concatenate(places[:most]))]


def evaluate(table: arrow.Table, labels: Sequence[str]) -> Evaluation:
    """From the rows of ``score_images`` (label, probabilities) to an evaluation."""
    number = {label: index for index, label in enumerate(labels)}
    truth = np.array([number[label] for label in table["label"].to_pylist()], np.int64)
    flat = table["probabilities"].combine_chunks().flatten().to_numpy()
    probabilities = flat.reshape(len(truth), len(labels))
    predicted = probabilities.argmax(axis=1).astype(np.int64)
    return Evaluation(tuple(labels), truth, predicted, probabilities)


def confusion(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """
    How many images of each class (row) were taken for each class (column).

    >>> confusion(np.array([0, 1, 1]), np.array([0, 0, 1]), 2).tolist()
    [[1, 0], [1, 1]]
    """
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (truth, predicted), 1)
    return table


def recall(table: NDArray[np.int64], labels: Sequence[str]) -> dict[str, float]:
    """Share of each class that was found, from a confusion matrix; no class without images."""
    found = zip(labels, np.diag(table).tolist(), table.sum(axis=1).tolist(), strict=True)
    return {label: right / total for label, right, total in found if total}
