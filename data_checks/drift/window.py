"""
A window of traffic beside the reference, by every statistic.

All statistics together may call ``false_alarms`` of the windows without drift drifted, so each of
them may call an equal part of it (Bonferroni).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_checks.drift.answers import Answers
from data_checks.drift.distances import Distance, counted_classes, counted_values, judge_counts
from data_checks.drift.embedding import judge_answers
from data_checks.drift.rules import DriftRules


@dataclass(frozen=True)
class Window:
    """
    Images that were judged together.

    Attributes:
        model: digest of the model that answered them.
        began, ended: when its first and its last image came, in seconds since 1970.
        images: of ``of`` that came in that time.
        shares: of each class among the answers.
    """

    model: str
    version: int
    began: float
    ended: float
    images: int
    of: int
    distances: tuple[Distance, ...]
    shares: tuple[float, ...]

    @property
    def drifted(self) -> tuple[str, ...]:
        """Names of the statistics by which it drifted."""
        return tuple(each.statistic for each in self.distances if each.is_drifted)


def judged(
    reference: Answers, window: Answers, rules: DriftRules, random: np.random.Generator
) -> tuple[Distance, ...]:
    """
    The window by each statistic that can be computed; brightness needs a reference that has it.

    Args:
        random: for the simulations behind intervals and p-values.
    """
    names = [name for name in rules.looked_at if _is_known(name, reference)]
    level = rules.false_alarms / max(len(names), 1)
    return tuple(_distance(name, reference, window, rules, level, random) for name in names)


def class_shares(answers: Answers) -> tuple[float, ...]:
    """Share of each class among the answers."""
    classes = answers.probabilities.shape[1]
    counts = np.bincount(answers.classes, minlength=classes)
    return tuple((counts / max(len(answers), 1)).tolist())


def _is_known(name: str, reference: Answers) -> bool:
    values = {"brightness": reference.mean, "contrast": reference.deviation}
    return name not in values or bool(np.isfinite(values[name]).all())


def _distance(
    name: str,
    reference: Answers,
    window: Answers,
    rules: DriftRules,
    level: float,
    random: np.random.Generator,
) -> Distance:
    if name == "answers":
        return judge_answers(
            name, reference.probabilities, window.probabilities,
            level=level, least=rules.min_energy, random=random,
        )  # fmt: skip
    if name == "label shares":
        classes = reference.probabilities.shape[1]
        known, found = counted_classes(reference.classes, window.classes, classes)
    elif name == "confidence":
        known, found = counted_values(reference.confidence, window.confidence)
    elif name == "brightness":
        known, found = counted_values(reference.mean, window.mean)
    else:
        known, found = counted_values(reference.deviation, window.deviation)
    return judge_counts(name, known, found, level=level, least=rules.min_psi, random=random)
