"""Noise neither promotes nor blocks."""

from __future__ import annotations

import numpy as np
import pytest

from model.compare import compare


def answers(right: int, wrong: int) -> np.ndarray:
    return np.array([True] * right + [False] * wrong)


def test_a_few_images_more_are_noise():
    found = compare(answers(905, 95), answers(900, 100), confidence=0.95)

    assert found.difference == pytest.approx(0.005)
    assert not found.is_worse


def test_a_loss_on_many_images_is_none():
    champion, newcomer = answers(900, 100), answers(840, 160)

    assert compare(newcomer, champion, confidence=0.95).is_worse
    assert compare(champion, newcomer, confidence=0.95).is_better


def test_what_both_answer_alike_does_not_count():
    found = compare(np.array([True, False] * 50), np.array([True, False] * 50), confidence=0.95)

    assert (found.gained, found.lost, found.difference) == (0, 0, 0)
    assert found.low < 0 < found.high


def test_the_interval_covers_the_truth_as_often_as_it_says():
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        champion = random.random(500) < 0.9
        newcomer = np.where(random.random(500) < 0.1, random.random(500) < 0.5, champion)
        truth = 0.1 * (0.5 - 0.9)
        found = compare(newcomer, champion, confidence=0.95)
        covered += found.low <= truth <= found.high

    assert 0.92 <= covered / 400 <= 0.98


@pytest.mark.parametrize(("ours", "theirs"), [(3, 4), (0, 0)])
def test_two_models_must_speak_of_the_same_images(ours, theirs):
    with pytest.raises(ValueError, match="same images"):
        compare(np.ones(ours, bool), np.ones(theirs, bool), confidence=0.95)
