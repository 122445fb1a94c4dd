"""What a release would do: found by asking, before anything is done or paid for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tasks.records import Candidate, Dataset, TrainingJob

Would = Literal["skip", "run", "depends", "refuse"]


@dataclass(frozen=True)
class Stage:
    """One stage: ``skip`` reuses what is known, ``depends`` waits for what the others find."""

    name: str
    would: Would
    why: str


@dataclass(frozen=True)
class Call:
    """A call that would change something in the cloud."""

    method: str
    url: str
    why: str


@dataclass(frozen=True)
class Cost:
    """
    One thing that would be paid for.

    Attributes:
        amount: in ``currency``.
        sum: how the amount comes about, in words.
    """

    what: str
    sum: str
    amount: float
    currency: str


@dataclass(frozen=True)
class Foreseen:
    """
    All that could be found out.

    Attributes:
        checks_key: of the report that the data checks would leave.
        is_compared: the images with those of the champion.
        is_checked, is_tested: the data passed their checks before, the code its tests.
        candidate: what training of these inputs left; ``None`` if nothing did.
        verdict_key: of the verdict on the candidate; ``None`` while there is none to judge.
        version: number that the candidate has, or would get.
        is_registered: it has that number already.
    """

    stages: tuple[Stage, ...]
    dataset: Dataset
    job: TrainingJob
    checks_key: str
    is_checked: bool
    is_tested: bool
    candidate: Candidate | None
    verdict_key: str | None
    is_approved: bool
    version: int
    is_registered: bool
    is_compared: bool
