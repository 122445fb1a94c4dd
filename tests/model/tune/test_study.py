"""The memory of a search: the same seed, the same trials, also when it is killed."""

from __future__ import annotations

import numpy as np
import pytest

from model.config import TrainConfig
from model.tune.space import SPACE, Between, OneOf, chosen, config_of
from model.tune.study import MOST_DEATHS, BadStudy, Study

TWO = {"learning_rate": Between(1e-4, 1e-1, scale="log"), "augment": OneOf(("none", "flip"))}


def test_every_trial_has_a_configuration_within_bounds_and_the_base_for_the_rest(tmp_path):
    base, space = TrainConfig(epochs=3, patience=2), chosen(SPACE)

    made = [config_of(values, base) for values, _ in search(tmp_path / "s.db", space, trials=12)]

    assert {config.patience for config in made} == {2}
    for name, part in space.items():
        values = {getattr(config, name) for config in made}
        assert len(values) > 1
        assert all(value in part for value in values)


def test_the_same_seed_draws_the_same_trials_and_another_seed_others(tmp_path):
    one = search(tmp_path / "1.db", TWO, trials=15)

    assert search(tmp_path / "2.db", TWO, trials=15) == one
    assert search(tmp_path / "3.db", TWO, trials=15, seed=1) != one


def test_a_study_that_is_killed_in_any_trial_makes_the_trials_of_one_that_is_not(tmp_path):
    first = {"learning_rate": 0.05}
    whole = search(tmp_path / "1.db", TWO, trials=12, first=first)

    for _ in range(11):  # each start ends one trial and dies in the next
        with pytest.raises(Killed):
            search(tmp_path / "2.db", TWO, trials=12, first=first, dies_in=2)
    killed = search(tmp_path / "2.db", TWO, trials=12, first=first)

    assert whole[0][0]["learning_rate"] == 0.05
    assert killed == whole


def test_what_was_learned_is_used(tmp_path):
    made = search(tmp_path / "s.db", TWO, trials=40)

    early, late = (np.mean([loss for _, loss in part]) for part in (made[:6], made[-10:]))
    assert late < early / 2


def test_a_trial_in_whose_first_epoch_the_process_dies_each_time_is_given_up(tmp_path):
    first = {"learning_rate": 0.05, "augment": "flip"}
    for _ in range(MOST_DEATHS):
        study = opened(tmp_path / "s.db", TWO)
        study.begin(first)
        assert study.next().params == first
    study = opened(tmp_path / "s.db", TWO)

    study.begin(first)

    assert [trial.state.name for trial in study.ended()] == ["PRUNED"]
    assert study.next().params != first


def test_a_trial_that_had_come_further_is_never_given_up(tmp_path):
    first = {"learning_rate": 0.05, "augment": "flip"}
    for _ in range(2 * MOST_DEATHS):
        study = opened(tmp_path / "s.db", TWO)
        study.begin(first)
        trial = study.next()
        assert trial.params == first
        trial.report(1.0, 1)


def test_a_damaged_study_is_named_with_the_way_out(tmp_path):
    (tmp_path / "study.db").write_bytes(b"this is no database, and never was one" * 100)

    with pytest.raises(BadStudy, match=r"study\.db cannot be read: .*remove it"):
        opened(tmp_path / "study.db", TWO)


class Killed(BaseException):
    """Ends a search as a signal would: nothing is told to the study."""


def opened(file, space, seed=0) -> Study:
    return Study(file, space, seed=seed, epochs=3)


def search(file, space, *, trials, seed=0, first=None, dies_in=0) -> list[tuple[dict, float]]:
    """Values and loss of each trial of a search in which the best values are known."""
    study = opened(file, space, seed)
    study.begin(first or {})
    begun = 0
    while len(study.ended()) < trials:
        trial, begun = study.next(), begun + 1
        if begun == dies_in:
            raise Killed
        off = abs(np.log10(trial.params["learning_rate"]) + 2)
        loss = float(off + (trial.params["augment"] == "none"))
        trial.set_user_attr("measured", {"val_loss": loss})
        study.end(trial, "")
    return [(trial.params, trial.value) for trial in study.ended()]
