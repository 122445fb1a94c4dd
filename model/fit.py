"""The training loop: an epoch at a time, so that it can stop, and go on, between any two."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.arrays import Arrays
from model.checkpoint import Checkpoint, Progress
from model.config import TrainConfig
from model.epoch import Epochs
from model.prepare import prepared
from model.share import Alone, Share, order_of, parted

if TYPE_CHECKING:
    from keras import Model

Tell = Callable[[Progress], None]


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
    model, _, progress = learn(arrays, classes, config, checkpoint, tell, Alone(config))
    checkpoint.restore_best(model)
    return model, progress


def learn(
    arrays: Arrays, classes: int, config: TrainConfig, checkpoint: Checkpoint, tell: Tell,
    share: Share,
) -> tuple[Model, Model, Progress]:  # fmt: skip
    """
    The same for a worker that may be one of several.

    Args:
        arrays: the images of this worker.

    Returns:
        The user's network as it was made, the twin that learned in its place, and the progress.
    """
    model, twin, epochs = prepared(arrays, classes, config, share)
    progress = checkpoint.restore(twin)
    tell(progress)
    train, validation = parted(len(arrays.labels), config, share.worker)
    held_out = share.validation(arrays, validation)
    while not is_over(progress, config):
        order = order_of(progress.epoch, train, config.seed, share.worker)
        measures = _epoch(epochs, arrays, order, held_out, config, progress.epoch, share)
        _note(progress, measures)
        checkpoint.save(twin, progress)
        tell(progress)
    return model, twin, progress


def is_over(progress: Progress, config: TrainConfig) -> bool:
    """Was that the last epoch, or does validation no longer improve?"""
    return progress.epoch >= config.epochs or 0 < config.patience <= progress.waited


def _epoch(
    epochs: Epochs,
    arrays: Arrays,
    order: NDArray[np.int64],
    held_out: Any,
    config: TrainConfig,
    epoch: int,
    share: Share,
) -> dict[str, float]:
    batches = share.training(arrays, order, epoch)
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
        "seconds": seconds, "images_per_s": share.learned_from(len(order)) / seconds,
    }  # fmt: skip


def _note(progress: Progress, measures: dict[str, float]) -> None:
    best = min((past["val_loss"] for past in progress.history), default=math.inf)
    progress.epoch += 1
    progress.history.append(measures)
    if measures["val_loss"] < best:
        progress.best_epoch = progress.epoch
