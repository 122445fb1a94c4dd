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
from model.devices import has_gpu, precision, strategy
from model.epoch import Epochs
from model.network import NETWORKS
from model.quicken import quickened

if TYPE_CHECKING:
    from keras import Model

Tell = Callable[[Progress], None]
WARM_UP_SHARE = 0.2  # of all steps, in which the learning rate rises


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
    model, twin, epochs = _prepared(arrays, classes, config)
    progress = checkpoint.restore(twin)
    tell(progress)
    train, validation = parted(len(arrays.labels), config)
    held_out = plain_batches(arrays.pixels, arrays.labels, validation)
    while progress.epoch < config.epochs and not _is_waiting_in_vain(progress, config):
        order = np.random.default_rng((config.seed, progress.epoch)).permutation(train)
        measures = _epoch(epochs, arrays, order, held_out, config, progress.epoch)
        _note(progress, measures)
        checkpoint.save(twin, progress)
        tell(progress)
    checkpoint.restore_best(model)
    return model, progress


def parted(images: int, config: TrainConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices for training and for validation; at least one image in each."""
    order = np.random.default_rng(config.seed).permutation(images)
    held_out = min(max(1, round(images * config.validation_share)), images - 1)
    return order[held_out:], np.sort(order[:held_out])


def _prepared(arrays: Arrays, classes: int, config: TrainConfig) -> tuple[Model, Model, Epochs]:
    """The user's network, the twin that learns in its place, and the loops over its batches."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(config.seed)
    if has_gpu():
        tf.config.experimental.enable_op_determinism()  # CPUs have no other way
    shared = strategy()
    with shared.scope():
        model = NETWORKS[config.network](arrays.shape, classes)
        twin = quickened(model, precision(config.precision))
        train, _ = parted(len(arrays.labels), config)
        steps = math.ceil(len(train) / config.batch_size) * config.epochs
        optimizer = keras.optimizers.AdamW(
            _one_cycle(config.learning_rate, steps), weight_decay=config.weight_decay
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        optimizer.build(twin.trainable_variables)  # now, for a checkpoint restores it
        twin.optimizer = optimizer
        return model, twin, Epochs(twin, optimizer, shared, config.label_smoothing)


def _epoch(
    epochs: Epochs,
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
    loss, accuracy = epochs.train(batches)
    seconds = time.perf_counter() - began
    val_loss, val_accuracy = epochs.judge(held_out)
    if not (math.isfinite(loss) and math.isfinite(val_loss)):
        raise CannotLearn(
            f"the loss is {loss} in epoch {epoch + 1}: training diverged; "
            f"lower --learning-rate (it is {config.learning_rate:g})"
        )
    return {
        "epoch": epoch + 1, "epochs": config.epochs, "loss": loss, "accuracy": accuracy,
        "val_loss": val_loss, "val_accuracy": val_accuracy,
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
