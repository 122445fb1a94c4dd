"""The training loop: an epoch at a time, so that it can stop, and go on, between any two."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.arrays import Arrays
from model.batches import plain_batches, training_batches
from model.checkpoint import Checkpoint, Progress
from model.config import TrainConfig
from model.network import NETWORKS

if TYPE_CHECKING:
    from keras import Model

Tell = Callable[[Progress], None]
WARM_UP_SHARE = 0.2  # of all steps, in which the learning rate rises
STEPS_AT_ONCE = 32  # inside one call of TensorFlow: less time in Python


class CannotLearn(ValueError):
    """Training does not lead to a model; the message says what would help."""


def fit(
    arrays: Arrays, classes: int, config: TrainConfig, checkpoint: Checkpoint, tell: Tell
) -> tuple[Model, Progress]:
    """
    Train until the last epoch, or until validation no longer improves.

    The order of the images and their augmentation depend on seed and epoch alone, and a checkpoint
    holds all state: a run that was killed ends with the very weights of one that was not.

    Args:
        classes: how many.
        tell: called with the progress so far, then after each epoch.

    Returns:
        The network with the weights of its best epoch, and the progress.

    Raises:
        CannotLearn: the loss is no number any more.
    """
    model = _compiled(arrays, classes, config)
    progress = checkpoint.restore(model)
    tell(progress)
    train, validation = parted(len(arrays.labels), config)
    held_out = plain_batches(arrays.pixels, arrays.labels, validation)
    while progress.epoch < config.epochs and not _is_waiting_in_vain(progress, config):
        order = np.random.default_rng((config.seed, progress.epoch)).permutation(train)
        measures = _epoch(model, arrays, order, held_out, config, progress.epoch)
        _note(progress, measures)
        checkpoint.save(model, progress)
        tell(progress)
    checkpoint.restore_best(model)
    return model, progress


def parted(images: int, config: TrainConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices for training and for validation; at least one image in each."""
    order = np.random.default_rng(config.seed).permutation(images)
    held_out = min(max(1, round(images * config.validation_share)), images - 1)
    return order[held_out:], np.sort(order[:held_out])


def _compiled(arrays: Arrays, classes: int, config: TrainConfig) -> Model:
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()  # the same seed, the same weights
    model = NETWORKS[config.network](arrays.shape, classes)
    train, _ = parted(len(arrays.labels), config)
    steps = math.ceil(len(train) / config.batch_size) * config.epochs
    optimizer = keras.optimizers.Adam(_one_cycle(config.learning_rate, steps))
    optimizer.build(model.trainable_variables)  # now, for a checkpoint restores it
    model.compile(
        optimizer=optimizer,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=STEPS_AT_ONCE,
        jit_compile=False,  # XLA is slower on a CPU
    )
    return model


def _epoch(
    model: Model,
    arrays: Arrays,
    order: NDArray[np.int64],
    held_out: Any,
    config: TrainConfig,
    epoch: int,
) -> dict[str, float]:
    batches = training_batches(
        arrays.pixels, arrays.labels, order,
        batch_size=config.batch_size, augment=config.augment, seed=(config.seed, epoch),
    )  # fmt: skip
    began = time.perf_counter()
    found = model.fit(batches, shuffle=False, verbose=0).history
    seconds = time.perf_counter() - began
    val_loss, val_accuracy = model.evaluate(held_out, verbose=0)
    loss, accuracy = found["loss"][-1], found["accuracy"][-1]
    if not (math.isfinite(loss) and math.isfinite(val_loss)):
        raise CannotLearn(
            f"the loss is {loss} in epoch {epoch + 1}: training diverged; "
            f"lower --learning-rate (it is {config.learning_rate:g})"
        )
    return {
        "epoch": epoch + 1, "epochs": config.epochs,
        "loss": float(loss), "accuracy": float(accuracy),
        "val_loss": float(val_loss), "val_accuracy": float(val_accuracy),
        "seconds": seconds, "images_per_s": len(order) / seconds,
    }  # fmt: skip


def _note(progress: Progress, measures: dict[str, float]) -> None:
    best = min((past["val_loss"] for past in progress.history), default=math.inf)
    progress.epoch += 1
    progress.history.append(measures)
    if measures["val_loss"] < best:
        progress.best_epoch = progress.epoch


def _is_waiting_in_vain(progress: Progress, config: TrainConfig) -> bool:
    return 0 < config.patience <= progress.waited


def _one_cycle(highest: float, steps: int) -> Any:
    """Up from a tenth in the first fifth of all steps, then down to nearly zero by a cosine."""
    import keras

    rise = max(1, round(steps * WARM_UP_SHARE))
    return keras.optimizers.schedules.CosineDecay(
        highest / 10, max(1, steps - rise), alpha=1e-3, warmup_target=highest, warmup_steps=rise
    )
