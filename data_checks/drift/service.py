"""
How the service fared since it was last looked at, by the counters of its ``/metrics``.

There is no reference for it: a rule says what share of the requests may fail, and it is broken when
the whole interval of the share lies above. Retraining mends none of it, so it asks for none.
"""

from __future__ import annotations

from dataclasses import dataclass

from data_checks.drift.accuracy import LiveAccuracy, interval
from data_checks.drift.rules import DriftRules

FAULTS = ("400", "413", "415", "422")  # an input that cannot be read


@dataclass(frozen=True)
class Counters:
    """
    What a service counted since it began, of requests to score.

    Attributes:
        process: which service it is: another one begins at 0.
        faults: inputs that could not be read.
        errors: requests that could not be answered.
        slow: answers that took longer than ``slow_s`` seconds.
        answered: all that took some time: what ``slow`` is a part of.
    """

    process: str
    requests: int = 0
    faults: int = 0
    errors: int = 0
    slow: int = 0
    answered: int = 0

    def since(self, before: Counters | None) -> Counters:
        """What was counted after ``before``, which another service may have counted."""
        if before is None or before.process != self.process or before.requests > self.requests:
            return self
        return Counters(
            self.process,
            self.requests - before.requests,
            self.faults - before.faults,
            self.errors - before.errors,
            max(0, self.slow - before.slow),
            self.answered - before.answered,
        )


@dataclass(frozen=True)
class Trouble:
    """A share of requests that is above what a rule allows; ``low`` … ``high`` is its interval."""

    what: str
    share: float
    low: float
    high: float
    most: float

    def __str__(self) -> str:
        return (
            f"{self.what}: {self.share:.2%} of the requests (99% interval {self.low:.2%} … "
            f"{self.high:.2%}), more than {self.most:.2%}"
        )


def troubles(found: Counters, rules: DriftRules) -> tuple[Trouble, ...]:
    """What is above its rule beyond noise."""
    shares = (
        ("inputs that cannot be read", found.faults, found.requests, rules.max_fault_share),
        ("errors", found.errors, found.requests, rules.max_error_share),
        (f"answers after more than {rules.slow_s:g} s", found.slow, found.answered,
         rules.max_slow_share),
    )  # fmt: skip
    said = []
    for what, count, total, most in shares:
        low, high = interval(count, total)
        if total and low > most:
            said.append(Trouble(what, count / total, low, high, most))
    return tuple(said)


@dataclass(frozen=True)
class Look:
    """How it stood at one run of the monitor: for the plot."""

    at: float  # in seconds since 1970
    fault_share: float
    error_share: float
    slow_share: float
    requests: int
    accuracy: float | None = None
    low: float = 0.0
    high: float = 1.0


def look(at: float, found: Counters | None, accuracy: LiveAccuracy) -> Look:
    """Shares since the look before, and the accuracy by delayed labels if it is known."""
    counted = found or Counters("")
    requests, answered = max(counted.requests, 1), max(counted.answered, 1)
    return Look(
        at, counted.faults / requests, counted.errors / requests, counted.slow / answered,
        counted.requests, accuracy.accuracy if accuracy.is_known else None,
        accuracy.low, accuracy.high,
    )  # fmt: skip
