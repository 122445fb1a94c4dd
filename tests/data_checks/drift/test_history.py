"""From windows to decisions: what lasts is drift, and a retraining is asked for with patience."""

from __future__ import annotations

import pytest

from data_checks.drift.distances import Distance
from data_checks.drift.history import (
    DAY_S,
    HOUR_S,
    Calls,
    drifting,
    earliest,
    newest,
    relieved,
    state_of,
)
from data_checks.drift.rules import DriftRules
from data_checks.drift.window import Window

RULES = DriftRules()  # 3 of 5; a day, 3 calls in 30 days


def window(*drifted: str, at: float = 0.0, model: str = "a") -> Window:
    distances = tuple(
        Distance(name, 0.5, 0.4, 0.6, 0.001, 0.1, is_drifted=name in drifted)
        for name in ("brightness", "confidence")
    )
    return Window(model, 1, at, at + 1, 250, 250, distances, (1.0,))


def test_drift_is_the_same_statistic_in_enough_windows():
    twice = [window("brightness"), window(), window("brightness")]
    mixed = [*twice, window("confidence"), window("confidence")]

    assert drifting(mixed, RULES) == {}
    assert drifting([*mixed, window("brightness")], RULES) == {}
    assert drifting([*twice, window("brightness")], RULES) == {"brightness": 3}


def test_windows_that_are_long_ago_do_not_count():
    old = [window("brightness")] * 10

    assert drifting([*old, window(), window(), window()], RULES) == {}
    assert drifting([*old, window(), window()], RULES) == {"brightness": 3}


def test_fewer_windows_than_could_show_drift_give_no_verdict():
    assert state_of([], RULES) == "no verdict"
    assert state_of([window()] * 2, RULES) == "no verdict"
    assert state_of([window("brightness")] * 2, RULES) == "no verdict"
    assert state_of([window()] * 3, RULES) == "steady"
    assert state_of([window("brightness")] * 3, RULES) == "drift"


def test_windows_of_another_model_say_nothing_of_this_one():
    windows = [window("brightness", model="a")] * 5 + [window(model="b")] * 2

    assert state_of(newest(windows, "b", RULES), RULES) == "no verdict"
    assert state_of(newest(windows, "a", RULES), RULES) == "drift"


def test_the_first_call_waits_for_nothing():
    assert earliest(Calls(), RULES) == (0.0, "")


def test_the_pause_doubles_as_long_as_retraining_does_not_help():
    calls, waits = Calls(), []
    rules = DriftRules(budget=100)
    for _ in range(4):
        calls = calls.with_one(1000.0)
        waits.append((earliest(calls, rules)[0] - 1000) / HOUR_S)

    assert waits == [24, 48, 96, 192]
    assert "4 in a row did not help" in earliest(calls, rules)[1]


def test_the_pause_does_not_grow_beyond_the_days_of_the_budget():
    assert earliest(Calls((0.0,), 60), DriftRules(budget=100))[0] == 30 * DAY_S


def test_the_budget_bounds_calls_that_did_help():
    calls = Calls((0.0, 2 * DAY_S, 5 * DAY_S), 0)

    at, why = earliest(calls, RULES)

    assert at == 30 * DAY_S
    assert "the budget of 3 calls in 30 days is spent" in why
    assert earliest(Calls(calls.times[1:], 0), RULES)[0] == 6 * DAY_S


def test_a_call_has_helped_when_steady_windows_follow():
    calls = Calls((100.0,), 3)
    before = [window(at=50.0)] * 5
    after = [window(at=200.0)] * 5

    assert relieved(calls, before, RULES) == calls
    assert relieved(calls, after[:4], RULES) == calls
    assert relieved(calls, after, RULES) == Calls((100.0,), 0)
    assert relieved(calls, [window("brightness", at=200.0)] * 5, RULES) == calls


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"drifting": 6, "of": 5}, "6 of 5 windows cannot be"),
        ({"statistics": ("smell",)}, "'smell' is no statistic; choose from: label-shares"),
        ({"least_labels": 600}, "600 is above newest_labels 500"),
        ({"window": 10}, "greater than or equal to 50"),
    ],
)
def test_rules_without_sense_are_named(wrong, said):
    with pytest.raises(ValueError, match=said):
        DriftRules(**wrong)


def test_statistics_are_named_as_on_the_command_line_or_as_on_the_page():
    assert DriftRules(statistics=("label-shares", "label shares")).looked_at == ("label shares",)
    assert len(DriftRules().looked_at) == 5
