"""Two workers on TensorFlow's own strategy: who sees what, and what they learn together."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from model import network
from model.checkpoint import Progress
from model.config import TrainConfig
from model.prepare import prepared
from model.share import Alone, order_of, parted
from model.spread.parts import sizes_of, steps_of
from tests.conftest import ROOT, plain_environment
from tests.model.spread import two_workers
from tests.model.spread.conftest import ALONE

pytestmark = pytest.mark.spark  # with the others that need a network of their own
PROGRAM = ROOT / "tests" / "model" / "spread" / "two_workers.py"
BOTH = f"""
{sys.executable} {PROGRAM} 0 "$1" 40000 40001 & one=$!
{sys.executable} {PROGRAM} 1 "$1" 40000 40001 && wait $one
"""


@pytest.fixture(scope="module")
def both(programs, tmp_path_factory):
    """What the two wrote."""
    place = tmp_path_factory.mktemp("two")
    done = subprocess.run(
        [*ALONE, "sh", "-c", BOTH, "sh", str(place)], cwd=ROOT, text=True, timeout=250,
        env={**plain_environment(), "PYTHONPATH": str(ROOT)}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-5000:]
    return [np.load(place / f"{number}.npz") for number in range(2)]


def test_every_image_is_seen_once_an_epoch(both):
    for epoch in range(2):
        images = [tuple(row) for one in both for row in one[f"seen{epoch}"].tolist()]
        kept_out = [tuple(row) for one in both for row in one["validation"].tolist()]
        everyone = [(n, at) for n, count in enumerate(two_workers.IMAGES) for at in range(count)]
        assert sorted(images + kept_out) == everyone
    assert both[0]["seen0"].tolist() != both[0]["seen1"].tolist()


def test_a_step_knows_the_images_of_both(both):
    for epoch in range(2):
        sizes = both[0][f"sizes{epoch}"] + both[1][f"sizes{epoch}"]
        assert sizes.tolist() == both[0][f"wholes{epoch}"].tolist()
        assert both[0][f"wholes{epoch}"].tolist() == both[1][f"wholes{epoch}"].tolist()


def test_both_end_with_the_same_weights_bit_for_bit(both):
    one, two = both

    for name in ("weights", "measures", "baseline", "by ring"):
        np.testing.assert_array_equal(one[name], two[name])


def test_gradients_are_summed_up_at_once_as_around_the_ring(both):
    np.testing.assert_array_equal(both[0]["baseline"], both[0]["by ring"])


def test_two_learn_what_one_would_from_the_batches_of_both(both, monkeypatch):
    monkeypatch.setitem(network.NETWORKS, "flat", two_workers.flat)
    config = TrainConfig(network="flat", **two_workers.KNOBS)

    weights, measured = learned_by_one(config)

    np.testing.assert_allclose(both[0]["weights"], weights, atol=1e-5)
    np.testing.assert_allclose(both[0]["measures"], measured, rtol=1e-5)


def learned_by_one(config: TrainConfig):
    """One worker, whose batches are those of both joined, at the rate of the rule."""
    shards = [two_workers.made(number) for number in range(2)]
    parts = [parted(count, config, number) for number, count in enumerate(two_workers.IMAGES)]
    steps = steps_of([len(train) for train, _ in parts], config.batch_size, devices=1)

    class Joined(Alone):
        learning_rate = config.learning_rate * math.sqrt(2)

        def steps(self, images: int) -> int:
            return steps

    _, twin, epochs = prepared(shards[0], two_workers.CLASSES, config, Joined(config))
    history = []
    for epoch in range(config.epochs):
        orders = [
            order_of(epoch, train, config.seed, number) for number, (train, _) in enumerate(parts)
        ]
        trained = epochs.train(joined(shards, orders, steps))
        judged = epochs.judge(joined(shards, [validation for _, validation in parts], 1))
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        history.append(dict(zip(names, (*trained, *judged), strict=True)))
    return two_workers.joined(twin.variables), two_workers.measures(Progress(history=history))


def joined(shards, orders, steps: int):
    import tensorflow as tf

    cuts = [np.split(o, np.cumsum(sizes_of(len(o), steps))[:-1]) for o in orders]

    def batches():
        for both in zip(*cuts, strict=True):
            pairs = [(s.pixels[at], s.labels[at]) for s, at in zip(shards, both, strict=True)]
            yield tuple(np.concatenate(part) for part in zip(*pairs, strict=True))

    shapes = (tf.TensorSpec((None, *two_workers.SHAPE), tf.uint8), tf.TensorSpec((None,), tf.int32))
    return tf.data.Dataset.from_generator(batches, output_signature=shapes)
