"""Distances beyond chance: right about how often they are wrong, whatever the size of a sample."""

from __future__ import annotations

import numpy as np
import pytest

from data_checks.drift.distances import (
    counted_classes,
    counted_values,
    judge_counts,
    stability,
)
from data_checks.drift.embedding import hellinger, judge_answers

SHARES = np.array([0.4, 0.3, 0.2, 0.1])
OTHERS = np.array([0.1, 0.2, 0.3, 0.4])


@pytest.fixture
def random():
    return np.random.default_rng(5)


def judged_counts(random, reference, window, level=0.05):
    return judge_counts("x", reference, window, level=level, least=0.0, random=random)


@pytest.mark.parametrize("known", [60, 1000, 20_000])
def test_windows_without_drift_look_drifted_as_often_as_was_agreed(random, known):
    alarms = 0
    for _ in range(400):
        reference = random.multinomial(known, SHARES)
        window = random.multinomial(250, SHARES)
        alarms += judged_counts(random, reference, window).is_drifted

    assert alarms <= 33  # 5% of 400 are 20; more than 33 happen once in 600 times


@pytest.mark.parametrize("known", [60, 1000])
def test_the_same_for_values_that_are_counted_by_tenths(random, known):
    alarms = 0
    for _ in range(400):
        counts = counted_values(random.normal(size=known), random.normal(size=250))
        alarms += judged_counts(random, *counts).is_drifted

    assert alarms <= 33


def test_the_interval_holds_the_true_distance_and_the_estimate_is_free_of_bias(random):
    true = float(np.sum((OTHERS - SHARES) * np.log(OTHERS / SHARES)))
    found = [
        judged_counts(random, random.multinomial(1000, SHARES), random.multinomial(250, OTHERS))
        for _ in range(200)
    ]

    assert sum(each.low <= true <= each.high for each in found) > 0.88 * 200
    assert np.mean([each.distance for each in found]) == pytest.approx(true, rel=0.04)
    assert all(each.is_drifted for each in found)


def test_what_is_beyond_chance_but_does_not_matter_is_no_drift(random):
    nearly = np.array([0.38, 0.3, 0.2, 0.12])
    reference, window = (random.multinomial(100_000, each) for each in (SHARES, nearly))

    found = judge_counts("x", reference, window, level=0.01, least=0.1, random=random)

    assert found.p_value <= 0.01
    assert not found.is_drifted


def test_a_class_that_never_occurred_gives_a_number(random):
    found = judged_counts(random, np.array([100, 0]), np.array([0, 100]))

    assert np.isfinite(found.distance)
    assert found.is_drifted


def test_rare_classes_are_counted_together():
    reference = np.repeat(np.arange(103), [800, 100, *[1] * 101])
    window = np.repeat([0, 1, 50, 77], [150, 40, 30, 30])

    known, found = counted_classes(reference, window, 103)

    assert known.tolist() == [800, 100, 101]
    assert found.tolist() == [150, 40, 60]


def test_values_that_are_all_the_same_are_one_bin():
    known, found = counted_values(np.ones(50), np.array([1.0, 1.0, 0.5]))

    assert known.tolist() == [0, 50]
    assert found.tolist() == [1, 2]


def test_equal_counts_are_no_distance_apart():
    assert stability(np.array([3, 5]), np.array([3, 5])) == 0


def some_answers(random, count, weights=(4.0, 2.0, 1.0)):
    return random.dirichlet(weights, count).astype(np.float32)


def test_answers_without_drift_look_drifted_as_often_as_was_agreed(random):
    alarms = 0
    for _ in range(300):
        reference, window = some_answers(random, 200), some_answers(random, 100)
        found = judge_answers("x", reference, window, level=0.05, least=0.0, random=random)
        alarms += found.is_drifted

    assert 3 <= alarms <= 28  # 5% of 300 are 15


def test_answers_that_changed_together_are_seen_with_an_interval(random):
    reference = some_answers(random, 400)
    window = some_answers(random, 250, weights=(2.0, 2.0, 2.0))

    found = judge_answers("x", reference, window, level=0.002, least=0.01, random=random)

    assert found.is_drifted
    assert 0 < found.low < found.distance < found.high < 1


def test_an_image_is_no_distance_from_itself_and_one_from_its_contrary():
    assert hellinger(np.array([[1, 0], [0, 1]], np.float32)).tolist() == [[0, 1], [1, 0]]


def test_more_known_images_than_are_looked_at_do_no_harm(random):
    reference, window = some_answers(random, 3000), some_answers(random, 60)

    found = judge_answers("x", reference, window, level=0.002, least=0.01, random=random)

    assert not found.is_drifted
