"""Shares of requests and of right answers: judged by their intervals, not by their luck."""

from __future__ import annotations

import numpy as np
import pytest

from data_checks.drift.accuracy import interval, live_accuracy
from data_checks.drift.rules import DriftRules
from data_checks.drift.service import Counters, troubles

RULES = DriftRules()


def test_only_what_was_counted_since_last_time_counts():
    before = Counters("7", requests=100, faults=5, errors=1, slow=2, answered=100)
    now = Counters("7", requests=150, faults=6, errors=1, slow=4, answered=150)

    assert now.since(before) == Counters("7", 50, 1, 0, 2, 50)
    assert now.since(None) == now


def test_another_process_counts_from_nothing():
    now = Counters("8", requests=30, faults=2)

    assert now.since(Counters("7", requests=20)) == now
    assert now.since(Counters("8", requests=40)) == now


@pytest.mark.parametrize(
    ("found", "what"),
    [
        (Counters("7", requests=1000, faults=90), "inputs that cannot be read: 9.00%"),
        (Counters("7", requests=1000, errors=30), "errors: 3.00%"),
        (Counters("7", requests=1000, slow=200, answered=1000), "answers after more than 0.25 s"),
    ],
)
def test_what_is_above_its_rule_beyond_noise_is_trouble(found, what):
    (trouble,) = troubles(found, RULES)

    assert what in str(trouble)


@pytest.mark.parametrize(
    "found",
    [
        Counters("7"),
        Counters("7", requests=20, errors=1, faults=2, answered=20, slow=2),
        Counters("7", requests=1000, errors=10, faults=50, answered=1000, slow=50),
    ],
)
def test_what_may_be_chance_is_none(found):
    assert troubles(found, RULES) == ()


def test_an_interval_holds_the_share_as_often_as_it_says():
    random = np.random.default_rng(1)
    counts = random.binomial(200, 0.9, 1000)

    held = [low <= 0.9 <= high for low, high in (interval(int(c), 200) for c in counts)]

    assert 0.97 < np.mean(held) <= 1


def test_accuracy_is_low_only_where_the_whole_interval_is():
    assert not live_accuracy(80, 100, bound=0.85, least_labels=50).is_low
    assert live_accuracy(60, 100, bound=0.85, least_labels=50).is_low
    few = live_accuracy(0, 49, bound=0.85, least_labels=50)
    assert not few.is_low
    assert str(few) == "no verdict: 49 delayed labels are too few"
