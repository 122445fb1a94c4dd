"""The driver takes the checkpoint with which the workers ended, and no earlier one."""

from __future__ import annotations

import threading

import keras
import pytest

from model.checkpoint import Checkpoint
from model.spread.failures import WorkersLost
from model.spread.following import progress_of
from model.spread.learner import seen


def kept(folder, epochs: int) -> None:
    """As the first worker writes it; better with each epoch."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd")
    history = [{"epoch": n, "val_loss": 1 / n} for n in range(1, epochs + 1)]
    Checkpoint(folder, "key").save(model, progress_of(history))


def test_a_checkpoint_that_is_seen_late_is_waited_for(tmp_path):
    kept(tmp_path, 2)
    later = threading.Timer(0.5, kept, (tmp_path, 3))
    later.start()

    progress = seen(Checkpoint(tmp_path, "key"), 3, within_s=30)

    later.join()
    assert (progress.epoch, progress.best_epoch) == (3, 3)


def test_a_checkpoint_that_is_not_seen_is_no_model(tmp_path):
    kept(tmp_path, 2)

    said = "finished epoch 3, and their folder shows epoch 2 .* --mirror"
    with pytest.raises(WorkersLost, match=said):
        seen(Checkpoint(tmp_path, "key"), 3, within_s=0.1)
