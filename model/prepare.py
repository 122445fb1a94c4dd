"""What learns: a network of ``model/network.py``, its quicker twin, and the twin's optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from model.arrays import Arrays
from model.config import TrainConfig
from model.devices import has_gpu, precision
from model.epoch import Epochs
from model.network import NETWORKS
from model.quicken import quickened
from model.share import Share, parted

if TYPE_CHECKING:
    from keras import Model

WARM_UP_SHARE = 0.2  # of all steps, in which the learning rate rises


def prepared(
    arrays: Arrays, classes: int, config: TrainConfig, share: Share
) -> tuple[Model, Model, Epochs]:
    """The user's network, the twin that learns in its place, and the loops over its batches."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(config.seed)
    if has_gpu():
        tf.config.experimental.enable_op_determinism()  # CPUs have no other way
    shared = share.strategy()
    with shared.scope():
        model = NETWORKS[config.network](arrays.shape, classes)
        twin = quickened(model, precision(config.precision))
        train, _ = parted(len(arrays.labels), config, share.worker)
        steps = share.steps(len(train)) * config.epochs
        optimizer = keras.optimizers.AdamW(
            _one_cycle(share.learning_rate, steps), weight_decay=config.weight_decay
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        optimizer.build(twin.trainable_variables)  # now, for a checkpoint restores it
        twin.optimizer = optimizer
        return model, twin, share.epochs(twin, optimizer, shared, config.label_smoothing)


def _one_cycle(highest: float, steps: int) -> Any:
    """Up from a tenth in the first fifth of all steps, then down to nearly zero by a cosine."""
    import keras

    rise = max(1, round(steps * WARM_UP_SHARE))
    return keras.optimizers.schedules.CosineDecay(
        highest / 10, max(1, steps - rise), alpha=1e-3, warmup_target=highest, warmup_steps=rise
    )
