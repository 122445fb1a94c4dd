"""
One of two workers that learn together, as the tests start it: on which images, and what comes out.

``python two_workers.py NUMBER FOLDER PORT PORT``: writes ``FOLDER/NUMBER.npz``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

from model.devices import before_tensorflow

SHAPE, CLASSES, IMAGES = (8, 8, 1), 3, (45, 44)
KNOBS = {"batch_size": 16, "epochs": 2, "patience": 0, "precision": "float32"}
if __name__ == "__main__":
    NUMBER, PLACE, PORTS = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]


def made(number: int):
    """A shard whose images tell who they are: by their first two pixels."""
    from model.arrays import Arrays

    count = IMAGES[number]
    pixels = np.random.default_rng(number).integers(0, 256, (count, *SHAPE), np.uint8)
    pixels[:, 0, 0, 0] = number
    pixels[:, 0, 1, 0] = np.arange(count)
    labels = (pixels[:, 2, 2, 0] % CLASSES).astype(np.int32)
    return Arrays(pixels, labels, SHAPE, test_images=0, test_digest="")


def seen(feed) -> list[np.ndarray]:
    """Who is in each batch."""
    batches = iter(feed.batches)
    return [np.asarray(next(batches)[0])[:, 0, :2, 0] for _ in feed.wholes]


def flat(shape, classes):
    """A network without batch normalization: several workers learn exactly what one would."""
    import keras

    parts = [
        keras.Input(shape, dtype="uint8"), keras.layers.Rescaling(1 / 255),
        keras.layers.Flatten(), keras.layers.Dense(classes, activation="softmax"),
    ]  # fmt: skip
    return keras.Sequential(parts)


def measures(progress) -> np.ndarray:
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    return np.array([[epoch[name] for name in names] for epoch in progress.history])


def joined(variables) -> np.ndarray:
    return np.concatenate([np.ravel(each) for each in variables])


def main() -> None:
    before_tensorflow()
    cluster = {"worker": [f"127.0.0.1:{port}" for port in PORTS]}
    task = {"type": "worker", "index": NUMBER}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
    import tensorflow as tf

    shared = tf.distribute.MultiWorkerMirroredStrategy()

    from model import network
    from model.checkpoint import Checkpoint
    from model.config import TrainConfig
    from model.fit import learn
    from model.share import order_of, parted
    from model.spread import exchange
    from model.spread.team import Team

    network.NETWORKS["flat"] = flat
    arrays, found = made(NUMBER), {}

    def learned(config, place):
        checkpoint = Checkpoint(PLACE / f"{place}{NUMBER}", "")
        team = Team(config, NUMBER, IMAGES, shared)
        return learn(arrays, CLASSES, config, checkpoint, lambda progress: None, team)

    config = TrainConfig(network="flat", **KNOBS)
    team = Team(config, NUMBER, IMAGES, shared)
    train, validation = parted(len(arrays.labels), config, NUMBER)
    for epoch in range(config.epochs):
        feed = team.training(arrays, order_of(epoch, train, config.seed, NUMBER), epoch)
        batches = seen(feed)
        found[f"wholes{epoch}"] = feed.wholes
        found[f"sizes{epoch}"] = np.array([len(batch) for batch in batches])
        found[f"seen{epoch}"] = np.concatenate(batches)
    found["validation"] = np.concatenate(seen(team.validation(arrays, validation)))

    _, twin, progress = learned(config, "flat")
    found["weights"], found["measures"] = joined(twin.variables), measures(progress)
    _, twin, _ = learned(TrainConfig(**KNOBS), "baseline")  # with batch normalization
    assert "_all_reduce_sum_gradients" in vars(twin.optimizer)
    assert hasattr(type(twin.optimizer), "_all_reduce_sum_gradients")  # Keras calls it so
    found["baseline"] = joined([*twin.variables, *twin.optimizer.variables])
    exchange.MOST_BYTES = 0  # as if the network were large
    _, twin, _ = learned(TrainConfig(**KNOBS), "by ring")
    assert "_all_reduce_sum_gradients" not in vars(twin.optimizer)
    found["by ring"] = joined([*twin.variables, *twin.optimizer.variables])
    np.savez(PLACE / f"{NUMBER}.npz", **found)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
