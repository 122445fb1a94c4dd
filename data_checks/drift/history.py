"""
From windows to a decision: does it last, and may a retraining be asked for now?

One window that drifted is noise or an afternoon. Drift is the same statistic in ``drifting`` of the
``of`` newest windows. A retraining is asked for once; then there is a pause, twice as long each
time that the one before did not help, and a budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from data_checks.drift.rules import DriftRules
from data_checks.drift.window import Window

HOUR_S, DAY_S = 3600.0, 86400.0
MOST_CALLS = 100  # that are remembered

State = Literal["no verdict", "steady", "drift"]


@dataclass(frozen=True)
class Calls:
    """
    Retrainings that were asked for.

    Attributes:
        times: when, in seconds since 1970; the newest is the last.
        unhelped: how many of the newest ones were not followed by windows without drift.
    """

    times: tuple[float, ...] = ()
    unhelped: int = 0

    def with_one(self, now: float) -> Calls:
        """One more; whether it helps has to be seen."""
        return Calls((*self.times, now)[-MOST_CALLS:], self.unhelped + 1)


def newest(windows: Sequence[Window], model: str, rules: DriftRules) -> list[Window]:
    """The windows of this model that count: those of another one say nothing about it."""
    return [window for window in windows if window.model == model][-rules.of :]


def drifting(windows: Sequence[Window], rules: DriftRules) -> dict[str, int]:
    """Statistics that drifted in enough of these windows, and in how many."""
    counts: dict[str, int] = {}
    for window in windows[-rules.of :]:
        for name in window.drifted:
            counts[name] = counts.get(name, 0) + 1
    return {name: count for name, count in counts.items() if count >= rules.drifting}


def state_of(windows: Sequence[Window], rules: DriftRules) -> State:
    """What these windows of one model amount to; fewer than could show drift say nothing yet."""
    if drifting(windows, rules):
        return "drift"
    return "no verdict" if len(windows) < rules.drifting else "steady"


def relieved(calls: Calls, windows: Sequence[Window], rules: DriftRules) -> Calls:
    """``calls``, of which the newest one helped if it was followed by windows without drift."""
    if not calls.times:
        return calls
    since = [window for window in windows if window.began > calls.times[-1]]
    has_helped = len(since) >= rules.of and not drifting(since, rules)
    return Calls(calls.times, 0) if has_helped else calls


def earliest(calls: Calls, rules: DriftRules) -> tuple[float, str]:
    """
    When a retraining may be asked for again, in seconds since 1970, and why not before.

    >>> earliest(Calls((1000.0,), 1), DriftRules())[0]
    87400.0
    """
    if not calls.times:
        return 0.0, ""
    pause_s = rules.cooldown_hours * HOUR_S * 2 ** max(calls.unhelped - 1, 0)
    pause_s = min(pause_s, max(rules.budget_days * DAY_S, rules.cooldown_hours * HOUR_S))
    rested = calls.times[-1] + pause_s
    why = f"a pause of {pause_s / HOUR_S:g} h since the last call for a retraining"
    if calls.unhelped > 1:
        why += f", for {calls.unhelped} in a row did not help"
    if len(calls.times) < rules.budget:
        return rested, why
    funded = calls.times[-rules.budget] + rules.budget_days * DAY_S
    if funded <= rested:
        return rested, why
    return funded, f"the budget of {rules.budget} calls in {rules.budget_days:g} days is spent"
