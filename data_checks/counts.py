"""What follows from counting images alone: splits, classes, the distribution and its drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd  # a second of import: only where a table is made

BINS = np.linspace(0, 256, 17)


@dataclass(frozen=True)
class Reference:
    """
    The distribution of a data set, to compare another one with.

    Attributes:
        mean, deviation: shares of images by mean intensity and by deviation, in 16 bins of 0..256.
        labels: share of each label among the images.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    labels: dict[str, float]

    @classmethod
    def of_json(cls, found: dict[str, Any]) -> Reference:
        """As a report holds it. Raises KeyError or TypeError: it is none."""
        return cls(tuple(found["mean"]), tuple(found["deviation"]), found["labels"])


@dataclass(frozen=True)
class Counts:
    """
    How many images there are of each kind: small, however many that are.

    Attributes:
        images: number of images by (label, split), in the order in which they first occur.
        mean, deviation: number of images in each of ``BINS``, which closes at its left edge; the
            last one at both.
    """

    images: dict[tuple[str, str], int]
    mean: tuple[int, ...]
    deviation: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.images.values())

    @property
    def labels(self) -> dict[str, int]:
        """Number of images of each label, in the order in which they first occur."""
        found: dict[str, int] = {}
        for (label, _), count in self.images.items():
            found[label] = found.get(label, 0) + count
        return found

    @property
    def splits(self) -> dict[str, dict[str, int]]:
        """Number of images by split and label, both sorted."""
        found: dict[str, dict[str, int]] = {}
        for split, label in sorted((split, label) for label, split in self.images):
            found.setdefault(split, {})[label] = self.images[label, split]
        return found


def reference_of(counts: Counts) -> Reference:
    """The distribution of this data set; the most frequent labels come first."""
    total = max(counts.total, 1)
    labels = sorted(counts.labels.items(), key=lambda item: -item[1])
    return Reference(
        _shares(counts.mean), _shares(counts.deviation), {name: n / total for name, n in labels}
    )


def stability_index(expected: Sequence[float], found: Sequence[float]) -> float:
    """
    Population stability index of two distributions over the same bins; 0: equal.

    Source:
        Siddiqi, Credit Risk Scorecards (2006); empty bins count as 0.0001. Customary: below 0.1
        no change, above 0.25 a large one.

    >>> stability_index([0.5, 0.5], [0.5, 0.5])
    0.0
    """
    a, b = (np.clip(np.asarray(shares, float), 1e-4, None) for shares in (expected, found))
    return float(np.sum((b - a) * np.log(b / a)))


def classes_of(counts: Counts, labels: Sequence[str]) -> pd.DataFrame:
    """One row a label, those of the data set first: images in train and in test, balance."""
    import pandas as pd

    names = list(dict.fromkeys([*labels, *counts.labels]))
    table = pd.DataFrame({"label": pd.Series(names, dtype="str")})
    for split in ("train", "test"):
        table[split] = np.array([counts.images.get((name, split), 0) for name in names], np.int64)
    total = table["train"] + table["test"]
    table["balance"] = total / max(int(total.max()), 1)
    return table


def drift_of(counts: Counts, reference: Reference | None) -> pd.DataFrame:
    """One row a statistic: its distance from the reference; no row without one."""
    import pandas as pd

    if reference is None:
        return pd.DataFrame({"statistic": pd.Series(dtype=str), "distance": pd.Series(dtype=float)})
    now = reference_of(counts)
    names = sorted(reference.labels.keys() | now.labels.keys())
    shares = [[side.labels.get(name, 0.0) for name in names] for side in (reference, now)]
    rows = [
        ("mean intensity", stability_index(reference.mean, now.mean)),
        ("deviation of intensity", stability_index(reference.deviation, now.deviation)),
        ("label shares", stability_index(*shares)),
    ]
    return pd.DataFrame(rows, columns=["statistic", "distance"])


def _shares(counts: Sequence[int]) -> tuple[float, ...]:
    return tuple((np.asarray(counts) / max(sum(counts), 1)).tolist())
