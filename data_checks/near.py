"""
Near twins: hashes that differ in few bits. Found exactly, by looking at few of all pairs.

Two hashes that differ in at most ``d`` bits are equal in at least one of ``d + 1`` disjoint parts.
So only pairs with an equal part are compared, which is one in ten thousand or fewer; where that
does not help (a great distance, or hashes that are mostly zero), all pairs are.

Source:
    Norouzi, Punjani, Fleet: Fast search in Hamming space with multi-index hashing (2012).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_PAIRS = 4_000_000_000  # compared by matrix products: half a minute
MOST_CANDIDATES = 400_000_000  # compared one by one, in as much time
LEAST_BITS = 16  # of a part; shorter ones are equal too often to help
PAIRS_AT_ONCE = 1 << 18
TESTS_AT_ONCE, TRAINS_AT_ONCE = 512, 8192

Hashes = NDArray[np.uint8]


def near_twins(tests: Hashes, trains: Hashes, distance: int) -> NDArray[np.bool_] | None:
    """
    Which of ``tests`` differ from one of ``trains`` in at most ``distance`` bits.

    Args:
        tests, trains: hashes, shape (images, bytes); bytes is a multiple of 8.

    Returns:
        One answer for each test, or ``None``: there are too many pairs to look at.
    """
    if not len(tests) or not len(trains):
        return np.zeros(len(tests), bool)
    mine, back = _unique(tests)
    theirs, _ = _unique(trains)  # copies would be compared again and again
    near = None
    if tests.shape[1] * 8 // (distance + 1) >= LEAST_BITS:
        near = by_parts(mine, theirs, distance)
    if near is None and len(mine) * len(theirs) <= MOST_PAIRS:
        near = by_all_pairs(mine, theirs, distance)
    return None if near is None else near[back]


def by_all_pairs(tests: Hashes, trains: Hashes, distance: int) -> NDArray[np.bool_]:
    """The answer by products of vectors of +1 and -1, which are bits - 2 * distance."""
    near = np.zeros(len(tests), bool)
    least = tests.shape[1] * 8 - 2 * distance
    for first in range(0, len(trains), TRAINS_AT_ONCE):
        theirs = _signs(trains[first : first + TRAINS_AT_ONCE]).T
        for at in range(0, len(tests), TESTS_AT_ONCE):
            block = slice(at, at + TESTS_AT_ONCE)
            near[block] |= (_signs(tests[block]) @ theirs).max(axis=1) >= least
    return near


def by_parts(tests: Hashes, trains: Hashes, distance: int) -> NDArray[np.bool_] | None:
    """The answer from pairs with an equal part; ``None`` if these are too many."""
    near, left = np.zeros(len(tests), bool), MOST_CANDIDATES
    words, others = tests.view(np.uint64), trains.view(np.uint64)
    for part in range(distance + 1):
        open_ones = np.flatnonzero(~near)
        keys = part_of(trains, part, distance + 1)
        order = np.argsort(keys)
        keys = keys[order]
        mine = part_of(tests[open_ones], part, distance + 1)
        low = np.searchsorted(keys, mine, "left")
        counts = np.searchsorted(keys, mine, "right") - low
        ends = np.cumsum(counts)
        left -= int(counts.sum())
        if left < 0:
            return None
        for first in range(0, int(counts.sum()), PAIRS_AT_ONCE):
            pair = np.arange(first, min(first + PAIRS_AT_ONCE, int(ends[-1])))
            at = np.searchsorted(ends, pair, "right")
            other = order[low[at] + pair - (ends[at] - counts[at])]
            differ = np.bitwise_count(words[open_ones[at]] ^ others[other]).sum(axis=1)
            near[open_ones[at[differ <= distance]]] = True
    return near


def part_of(hashes: Hashes, part: int, parts: int) -> NDArray[np.uint64]:
    """Every ``parts``-th bit from ``part`` on: neighbours in a picture resemble each other."""
    key = np.zeros(len(hashes), np.uint64)
    for bit in range(part, hashes.shape[1] * 8, parts):
        key <<= np.uint64(1)
        key |= (hashes[:, bit >> 3] >> np.uint8(7 - (bit & 7))) & np.uint8(1)
    return key


def _unique(hashes: Hashes) -> tuple[Hashes, NDArray[np.intp]]:
    rows = np.ascontiguousarray(hashes).view(np.dtype((np.void, hashes.shape[1])))[:, 0]
    _, first, back = np.unique(rows, return_index=True, return_inverse=True)
    return hashes[first], back


def _signs(hashes: NDArray[Any]) -> NDArray[np.float32]:
    return np.unpackbits(hashes, axis=1).astype(np.float32) * 2 - 1
