"""Near twins by a join are those by NumPy, and given up where they are there."""

from __future__ import annotations

import numpy as np
import pytest

from data_checks import near
from data_checks.spark.near import near_twins
from data_checks.spark.session import keeping
from tests.data_checks.test_near import hashes, with_bits_turned

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("few_parts")]


def asked(spark, tests: np.ndarray, trains: np.ndarray, distance: int) -> list[bool] | None:
    """What Spark answers for each of the tests."""
    rows = [(side, bytes(row).hex()) for side, many in (("test", tests), ("train", trains))
            for row in many]  # fmt: skip
    rows += [("test", None), ("train", None)]  # images that could not be read
    facts = spark.createDataFrame(rows, "split string, perceptual_hash string")
    with keeping() as keep:
        found = near_twins(facts, distance, keep)
        if found is None:
            return None
        listed = [bytes(row.hash) for row in found.collect()]
        assert len(listed) == len(set(listed))
        return [bytes(row) in listed for row in tests]


def sparse(count: int) -> np.ndarray:
    """Few set bits, as on dark backgrounds: many pairs are near, and many have an equal part."""
    random = np.random.default_rng(2)
    bits = random.random((count, 256)) < random.choice([0.004, 0.05, 0.5], (count, 1))
    return np.packbits(bits, axis=1)


@pytest.mark.parametrize("distance", [0, 1, 3, 6, 15, 16, 64])
def test_spark_finds_what_numpy_finds(spark, distance):
    rows = sparse(600)
    tests = np.concatenate([rows[:200], with_bits_turned(rows[300:340], [distance] * 40)])

    found = asked(spark, tests, rows[200:], distance)

    assert found == near_twins_here(tests, rows[200:], distance)
    assert 0 < sum(found) < len(found)


def near_twins_here(tests: np.ndarray, trains: np.ndarray, distance: int) -> list[bool] | None:
    found = near.near_twins(tests, trains, distance)
    return None if found is None else found.tolist()


@pytest.mark.parametrize(("tests", "trains"), [(0, 0), (0, 4), (4, 0)])
def test_nothing_is_near_nothing_on_spark(spark, tests, trains):
    assert asked(spark, hashes(tests, 1), hashes(trains, 2), 6) == [False] * tests


def test_pairs_are_given_up_exactly_where_numpy_gives_them_up(spark, monkeypatch):
    rows = sparse(300)
    tests, trains = rows[:90], rows[90:]
    monkeypatch.setattr(near, "MOST_PAIRS", 0)
    answers = []
    for most in (10**9, 2000, 700, 500, 300, 0):  # all at once; part after part; too many
        monkeypatch.setattr(near, "MOST_CANDIDATES", most)
        answers.append(near_twins_here(tests, trains, 3))

        assert asked(spark, tests, trains, 3) == answers[-1], most
    assert answers[0] == answers[1] is not None
    assert answers[-1] is None


@pytest.mark.parametrize("swap", [False, True])
def test_where_parts_do_not_help_all_pairs_are_compared(spark, monkeypatch, swap):
    rows = sparse(300)
    tests, trains = (rows[90:], rows[:90]) if swap else (rows[:90], rows[90:])
    monkeypatch.setattr(near, "MOST_CANDIDATES", 0)

    assert asked(spark, tests, trains, 6) == near_twins_here(tests, trains, 6)
    monkeypatch.setattr(near, "MOST_PAIRS", 90 * 150)
    assert asked(spark, tests, trains, 64) is None is near_twins_here(tests, trains, 64)
