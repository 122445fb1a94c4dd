"""How often the live model is right, by labels that came later."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.99  # it is looked at again and again: 0.95 would be wrong once in twenty looks


@dataclass(frozen=True)
class LiveAccuracy:
    """
    Accuracy on images whose label came later, in [0, 1].

    Attributes:
        right: answers, of ``labels`` ones.
        low, high: 99 % interval of the accuracy.
        bound: accuracy that it may not fall below.
        is_known: there are enough labels to say something.
        is_low: the whole interval lies below ``bound``.
    """

    right: int
    labels: int
    low: float
    high: float
    bound: float
    is_known: bool

    @property
    def accuracy(self) -> float:
        return self.right / self.labels if self.labels else 0.0

    @property
    def is_low(self) -> bool:
        return self.is_known and self.high < self.bound

    def __str__(self) -> str:
        if not self.is_known:
            return f"no verdict: {self.labels} delayed labels are too few"
        return (
            f"{self.accuracy:.4f} by {self.labels:,} delayed labels (99% interval {self.low:.4f} … "
            f"{self.high:.4f}; at least {self.bound:.4f})"
        )


def live_accuracy(right: int, labels: int, *, bound: float, least_labels: int) -> LiveAccuracy:
    """Accuracy with its interval, and whether it lies below ``bound`` beyond noise."""
    low, high = interval(right, labels)
    return LiveAccuracy(right, labels, low, high, bound, is_known=labels >= least_labels)


def interval(count: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """
    Interval of a share.

    Source:
        Wilson (1927), "Probable inference, the law of succession, and statistical inference".

    >>> [round(end, 3) for end in interval(90, 100, 0.95)]
    [0.826, 0.945]
    >>> interval(0, 0)
    (0.0, 1.0)
    """
    if not total:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, grown = count / total, total + z * z
    middle = (count + z * z / 2) / grown
    reach = z / grown * math.sqrt(total * share * (1 - share) + z * z / 4)
    return max(0.0, middle - reach), min(1.0, middle + reach)
