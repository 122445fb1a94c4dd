"""
What every classifier should be able to do, asked of every network in model/network.py.

Put tests of your own models beside this file: they join the gate by being here.
"""

from __future__ import annotations

import numpy as np
import pytest

from model.arrays import Arrays
from model.checkpoint import Checkpoint
from model.config import TrainConfig
from model.export import LARGEST_GAP, export, largest_gap
from model.fit import fit
from model.network import NETWORKS

SHAPE = (16, 16, 1)
CLASSES = 3
OURS_AND_SLOW = {"residual"}  # tested with this project, not again before each release
UNCHANGED_BY_A_PIXEL = 0.7  # share of answers


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.long) if name in OURS_AND_SLOW else name
        for name in NETWORKS
    ],
)
def network(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def shapes() -> Arrays:
    """Bright bars at a random place: lying, standing, or a cross of both."""
    random = np.random.default_rng(0)
    labels = np.arange(96, dtype=np.int32) % CLASSES
    pixels = random.integers(0, 60, (len(labels), *SHAPE)).astype(np.uint8)
    for image, label in zip(pixels, labels, strict=True):
        row, column = random.integers(3, 12, 2)
        if label in (0, 2):
            image[row : row + 2] = 250
        if label in (1, 2):
            image[:, column : column + 2] = 250
    return Arrays(pixels, labels, SHAPE, test_images=0, test_digest="")


def config_for(network: str, **knobs) -> TrainConfig:
    return TrainConfig(network=network, patience=0, batch_size=16, **knobs)


def trained(arrays, config, place, *, classes=CLASSES, tell=lambda progress: None):
    return fit(arrays, classes, config, Checkpoint(place, ""), tell)


@pytest.fixture(scope="module")
def config(network) -> TrainConfig:
    return config_for(network, epochs=2, augment="flip-shift", seed=7)


@pytest.fixture(scope="module")
def whole(shapes, config, tmp_path_factory):
    """A training that nobody disturbed."""
    return trained(shapes, config, tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def by_heart(network, shapes, tmp_path_factory):
    """A training for as long as it takes to learn them all."""
    place = tmp_path_factory.mktemp("by-heart")
    return trained(shapes, config_for(network, epochs=5, learning_rate=3e-3), place)


@pytest.fixture(scope="module")
def resumed(shapes, config, tmp_path_factory):
    """A training that was killed after its first epoch, and went on."""
    place = tmp_path_factory.mktemp("resumed")

    class Killed(BaseException):
        pass

    def die_after_one(progress) -> None:
        if progress.epoch == 1:
            raise Killed

    with pytest.raises(Killed):
        trained(shapes, config, place, tell=die_after_one)
    return trained(shapes, config, place)


def have_equal_weights(one, two) -> bool:
    pairs = zip(one.get_weights(), two.get_weights(), strict=True)
    return all(np.array_equal(mine, theirs) for mine, theirs in pairs)


def test_a_tiny_set_is_learned_by_heart(by_heart):
    _, progress = by_heart

    assert progress.history[-1]["accuracy"] == 1.0


def test_the_loss_falls(whole):
    _, progress = whole

    first, second = (epoch["loss"] for epoch in progress.history)
    assert second < 0.9 * first


def test_the_same_seed_begins_alike(whole, resumed):
    assert whole[1].history[0]["loss"] == resumed[1].history[0]["loss"]


def test_another_seed_begins_elsewhere(network):
    import keras

    made = []
    for seed in (7, 8):
        keras.utils.set_random_seed(seed)
        made.append(NETWORKS[network](SHAPE, CLASSES))

    assert not have_equal_weights(*made)


def test_a_killed_training_ends_with_the_weights_of_one_that_was_not(whole, resumed):
    model, progress = resumed

    assert [epoch["epoch"] for epoch in progress.history] == [1, 2]
    assert have_equal_weights(whole[0], model)


def test_a_shift_by_one_pixel_rarely_changes_the_answer(by_heart, shapes):
    model, _ = by_heart

    shifted = np.roll(shapes.pixels, 1, axis=2)
    before, after = (
        np.asarray(model(pixels, training=False)).argmax(1) for pixels in (shapes.pixels, shifted)
    )

    assert np.mean(before == after) >= UNCHANGED_BY_A_PIXEL


def test_saved_loaded_and_served_models_agree(whole, shapes, tmp_path):
    import keras

    model, _ = whole
    export(model, tmp_path, ("lying", "standing", "cross"))

    loaded = keras.models.load_model(tmp_path / "model.keras")
    answers, again = (np.asarray(m(shapes.pixels, training=False)) for m in (model, loaded))

    np.testing.assert_array_equal(answers, again)
    assert largest_gap(model, tmp_path, shapes.pixels) <= LARGEST_GAP


def test_it_takes_any_size_and_colour(network):
    for shape in [(8, 8, 1), (33, 20, 3), (64, 48, 3)]:
        model = NETWORKS[network](shape, 5)

        answers = np.asarray(model(np.zeros((2, *shape), np.uint8), training=False))

        assert answers.shape == (2, 5)
        np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
