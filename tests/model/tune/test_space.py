"""What a search may choose from: a space without sense is named before a trial is made."""

from __future__ import annotations

import pytest

from model.config import TrainConfig
from model.tune.space import SPACE, BadSpace, Between, OneOf, Search, ask_for_one_worker, chosen


def test_the_space_makes_sense():
    assert set(chosen(SPACE)) <= set(SPACE)


@pytest.mark.parametrize(
    ("space", "says"),
    [
        ({"learning_rate": Between(1e-3, 20)}, "learning-rate 20: input should be less"),
        ({"batch_size": OneOf((32, 0))}, "batch-size 0: input should be greater"),
        ({"network": OneOf(("baseline", "nope"))}, "unknown network 'nope'"),
        ({"momentum": Between(0, 1)}, "--momentum 0: extra inputs"),
        ({"learning_rate": Between(1e-1, 1e-3)}, "0.1 is above 0.001"),
        ({"patience": Between(0, 9, scale="log")}, "a log scale begins above 0"),
        ({"augment": OneOf(())}, "no value to choose"),
        ({"seed": OneOf((1, 2))}, "seed cannot be searched"),
        ({"validation_share": Between(0.1, 0.5)}, "validation_share cannot be searched"),
        ({"workers": OneOf((1, 2))}, "workers cannot be searched"),
        ({"network": OneOf(("baseline",))}, "nothing is left to search"),
    ],
)
def test_a_space_without_sense_is_named(space, says):
    with pytest.raises(BadSpace, match=says):
        chosen(space, space)


def test_a_search_on_several_workers_is_refused():
    ask_for_one_worker(TrainConfig())

    with pytest.raises(BadSpace, match="leave out --workers here"):
        ask_for_one_worker(TrainConfig(workers=2))


def test_a_knob_that_is_set_is_not_searched_unless_it_is_named():
    given = TrainConfig(learning_rate=0.01, epochs=3)

    assert Search().over(TrainConfig()).knobs == tuple(SPACE)
    assert "learning_rate" not in Search().over(given).knobs
    assert Search(knobs=("learning-rate",)).over(given).knobs == ("learning_rate",)
