"""Near twins are found exactly, whichever way they are looked for."""

from __future__ import annotations

import numpy as np
import pytest

from data_checks import near
from data_checks.near import by_all_pairs, by_parts, near_twins


def hashes(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8)


def with_bits_turned(rows: np.ndarray, counts: list[int]) -> np.ndarray:
    """The rows, each with so many of its bits turned over, wherever they are."""
    random, bits = np.random.default_rng(5), np.unpackbits(rows, axis=1)
    for row, count in zip(bits, counts, strict=True):
        row[random.choice(256, count, replace=False)] ^= 1
    return np.packbits(bits, axis=1)


@pytest.mark.parametrize("distance", [0, 1, 6, 15, 64])
def test_a_twin_is_near_up_to_the_distance_and_not_beyond(distance):
    trains = hashes(300, seed=1)
    counts = [distance + n % 3 - 1 for n in range(300)]  # one fewer, as many, one more
    tests = with_bits_turned(trains, [max(count, 0) for count in counts])

    found = near_twins(tests, trains, distance)

    assert found.tolist() == [count <= distance for count in counts]


@pytest.mark.parametrize("distance", [0, 3, 6, 12])
def test_parts_find_what_all_pairs_find(distance):
    # Few set bits, as on dark backgrounds: many pairs are near, and many have an equal part.
    random = np.random.default_rng(2)
    bits = random.random((3000, 256)) < random.choice([0.004, 0.05, 0.5], (3000, 1))
    rows = np.packbits(bits, axis=1)

    found = by_parts(rows[:1000], rows[1000:], distance)

    assert 0 < found.sum() < 1000
    assert found.tolist() == by_all_pairs(rows[:1000], rows[1000:], distance).tolist()


def test_copies_share_one_answer():
    trains = hashes(5, seed=3)
    tests = np.concatenate([trains[[1, 1, 4]], hashes(2, seed=4), trains[[1]]])

    found = near_twins(tests, np.repeat(trains, 3, axis=0), 6)

    assert found.tolist() == [True, True, True, False, False, True]


@pytest.mark.parametrize(("tests", "trains"), [(0, 0), (0, 4), (4, 0)])
def test_nothing_is_near_nothing(tests, trains):
    assert near_twins(hashes(tests, 1), hashes(trains, 2), 6).tolist() == [False] * tests


def test_too_many_pairs_are_not_looked_at(monkeypatch):
    monkeypatch.setattr(near, "MOST_PAIRS", 99)
    monkeypatch.setattr(near, "MOST_CANDIDATES", 99)
    alike = with_bits_turned(np.zeros((40, 32), np.uint8), [1] * 40)

    assert near_twins(alike[:20], alike[20:], 6) is None
    assert near_twins(alike[:20], alike[20:], 64) is None
