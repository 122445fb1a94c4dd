"""
How far the counts of a window lie from those of the reference, beyond what chance explains.

The reference is a sample itself, often no larger than some windows. So chance is what a window of
as many images would show that was drawn from wherever the reference was drawn: the shares are
uncertain (Dirichlet, half a count added to each bin), and the window is a draw from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIMULATED, RESAMPLED = 2000, 500
BINS = 10
LEAST_EXPECTED = 5.0  # images of a bin in a window; rarer classes are counted together
TAIL = 0.025  # on each side of an interval

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Distance:
    """
    Between a window and the reference, by one statistic.

    Attributes:
        distance: population stability index, or energy coefficient, freed of its bias; 0: equal.
        low, high: 95 % interval of it.
        p_value: share of windows without drift that lie as far away.
        least: distance that matters.
        is_drifted: it lies beyond chance, and matters.
    """

    statistic: str
    distance: float
    low: float
    high: float
    p_value: float
    least: float
    is_drifted: bool


def stability(expected: Counts, found: Counts) -> float | NDArray[np.float64]:
    """
    Population stability index of two counts over the same bins; half a count is added to each.

    >>> float(stability(np.array([50, 50]), np.array([50, 50])))
    0.0
    """
    a, b = smooth(expected), smooth(found)
    index: NDArray[np.float64] = np.sum((b - a) * np.log(b / a), axis=-1)
    return index


def smooth(counts: Counts) -> Shares:
    """Shares of each bin, none of them 0."""
    more = counts + 0.5
    shares: Shares = more / more.sum(axis=-1, keepdims=True)
    return shares


def judge_counts(
    statistic: str,
    reference: Counts,
    window: Counts,
    *,
    level: float,
    least: float,
    random: np.random.Generator,
) -> Distance:
    """
    Judge a window by its counts.

    Args:
        reference, window: images in each bin, shape (bins,).
        level: share of windows without drift that may be called drifted.
        least: stability index that matters.
    """
    seen = float(stability(reference, window))
    shares = random.dirichlet(reference + 0.5, SIMULATED)
    by_chance = stability(reference, random.multinomial(int(window.sum()), shares))
    p_value = (1 + int(np.sum(by_chance >= seen))) / (SIMULATED + 1)
    again = stability(
        random.multinomial(int(reference.sum()), reference / reference.sum(), RESAMPLED),
        random.multinomial(int(window.sum()), window / window.sum(), RESAMPLED),
    )
    # Resampling adds the bias once more: so much has to be taken away.
    low, middle, high = 2 * seen - np.array(
        [np.quantile(again, 1 - TAIL), np.mean(again), np.quantile(again, TAIL)]
    )
    distance = max(0.0, float(middle))
    return Distance(
        statistic, distance, max(0.0, float(low)), max(0.0, float(high)), p_value, least,
        is_drifted=p_value <= level and distance >= least,
    )  # fmt: skip


def counted_classes(
    reference: NDArray[np.int64], window: NDArray[np.int64], classes: int
) -> tuple[Counts, Counts]:
    """
    Images by class, of both; classes of which a window holds few are one bin together.

    >>> counted_classes(np.array([0] * 90 + [1] * 9 + [2]), np.array([0] * 8 + [1, 2]), 3)
    (array([90, 10]), array([8, 2]))
    """
    counts = [np.bincount(each, minlength=classes) for each in (reference, window)]
    is_rare = counts[0] * len(window) < LEAST_EXPECTED * len(reference)
    if is_rare.sum() < 2:
        return counts[0], counts[1]
    known, found = (np.append(each[~is_rare], each[is_rare].sum()) for each in counts)
    return known, found


def counted_values(
    reference: NDArray[np.floating], window: NDArray[np.floating]
) -> tuple[Counts, Counts]:
    """Images by tenths of the reference, of both; values that occur often share a bin."""
    edges = np.unique(np.quantile(reference, np.arange(1, BINS) / BINS))
    known, found = (
        np.bincount(np.searchsorted(edges, each, side="right"), minlength=len(edges) + 1)
        for each in (reference, window)
    )
    return known, found
