"""
How far the answers of a window lie from those of the reference as a whole: the energy distance.

A model folder has no layer but the last, so an image is embedded by its probabilities; two of them
lie as far apart as their Hellinger distance, in [0, 1]. What the network does not see, this does
not see either.

Source:
    Székely & Rizzo (2013), "Energy statistics"; Besag & Clifford (1991), "Sequential Monte Carlo
    p-values", for the permutations that need not be made.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data_checks.drift.distances import TAIL, Distance

PERMUTED, AT_ONCE, ENOUGH = 2000, 100, 10  # permutations; those as far away that end it early
RESAMPLED = 200
MOST_KNOWN = 1000  # images of the reference: time and memory grow by its square

Apart = NDArray[np.float32]  # between each two images
Weights = NDArray[np.float32]  # of images, one row a draw


def judge_answers(
    statistic: str,
    reference: NDArray[np.float32],
    window: NDArray[np.float32],
    *,
    level: float,
    least: float,
    random: np.random.Generator,
) -> Distance:
    """
    Judge a window by its probabilities, shape (images, classes).

    Args:
        level: share of windows without drift that may be called drifted.
        least: energy coefficient that matters, in [0, 1].
    """
    if len(reference) > MOST_KNOWN:
        reference = reference[random.choice(len(reference), MOST_KNOWN, replace=False)]
    apart = hellinger(np.concatenate([window, reference]))
    size = len(window)
    seen = float(_coefficients(apart, _first(len(apart), size)[None])[0])
    p_value = _p_value(apart, size, seen, random)
    again = _resampled(apart, size, random)
    low, high = np.quantile(again, [TAIL, 1 - TAIL])
    distance = max(0.0, seen)
    return Distance(
        statistic, distance, max(0.0, float(low)), max(0.0, float(high)), p_value, least,
        is_drifted=p_value <= level and distance >= least,
    )  # fmt: skip


def hellinger(probabilities: NDArray[np.float32]) -> Apart:
    """
    Distance between each two rows, in [0, 1].

    >>> hellinger(np.eye(2, dtype=np.float32)).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    roots = np.sqrt(np.clip(probabilities, 0, None).astype(np.float64))
    roots /= np.linalg.norm(roots, axis=1, keepdims=True)
    apart = np.sqrt(np.clip(1 - roots @ roots.T, 0, 1))
    np.fill_diagonal(apart, 0)
    found: Apart = apart.astype(np.float32)
    return found


def _first(images: int, size: int) -> Weights:
    return (np.arange(images) < size).astype(np.float32)


def _coefficients(apart: Apart, chosen: Weights) -> NDArray[np.float64]:
    """
    Energy coefficient between the chosen images and the others, for each row of ``chosen``.

    Without bias: an image is not compared with itself, so chance gives 0 in the mean.
    """
    size = chosen[0].sum(dtype=np.float64)
    rest = len(apart) - size
    total = apart.sum(dtype=np.float64)
    by_image = apart.sum(axis=1, dtype=np.float64)
    inside = _by_row((chosen @ apart) * chosen)
    touching = chosen.astype(np.float64) @ by_image
    across = (touching - inside) / (size * rest)
    outside = (total - 2 * touching + inside) / (rest * (rest - 1))
    return _coefficient(across, inside / (size * (size - 1)), outside)


def _coefficient(
    across: NDArray[np.float64], inside: NDArray[np.float64], outside: NDArray[np.float64]
) -> NDArray[np.float64]:
    return (2 * across - inside - outside) / np.maximum(2 * across, 1e-12)


def _p_value(apart: Apart, size: int, seen: float, random: np.random.Generator) -> float:
    """Share of ways to part the same images that lie as far apart; exact if nothing drifted."""
    made, as_far = 0, 0
    chosen = np.tile(_first(len(apart), size), (AT_ONCE, 1))
    while made < PERMUTED and as_far < ENOUGH:
        parted = random.permuted(chosen, axis=1)
        as_far += int(np.sum(_coefficients(apart, parted) >= seen))
        made += AT_ONCE
    return (1 + as_far) / (1 + made)


def _resampled(apart: Apart, size: int, random: np.random.Generator) -> NDArray[np.float64]:
    """The coefficient of images drawn again, with replacement, from window and reference."""
    rest = len(apart) - size
    ours, theirs = (
        random.multinomial(count, np.full(count, 1 / count), RESAMPLED).astype(np.float32)
        for count in (size, rest)
    )
    across = _by_row((ours @ apart[:size, size:]) * theirs) / (size * rest)
    # An image drawn twice is no distance away from itself; the square mends that.
    inside = _by_row((ours @ apart[:size, :size]) * ours) / (size - 1) ** 2
    outside = _by_row((theirs @ apart[size:, size:]) * theirs) / (rest - 1) ** 2
    return _coefficient(across, inside, outside)


def _by_row(values: Apart) -> NDArray[np.float64]:
    sums: NDArray[np.float64] = np.sum(values, axis=1, dtype=np.float64)
    return sums
