"""How workers sum up their gradients: at once where they are small, else around the ring."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from model.devices import has_gpu

if TYPE_CHECKING:
    from keras import Model

BYTES = 4  # of a number
MOST_BYTES = 1 << 20  # of the gradients of all workers: with more, time goes into bytes, not turns
GROUP = 4711  # of our own: the strategy counts its groups from 1
Pairs = list[tuple[Any, Any]]  # gradient and variable
_instances = itertools.count(1)  # all workers begin their exchanges in the same order


def hasten(optimizer: Any, network: Model, workers: int, devices: int) -> None:
    """
    Let each worker send its small gradients to all others at once.

    A ring sums up in N - 1 turns, and tells in N - 1 more; who has all after the first half
    can sum up alone, and all find the same. A turn takes most of a millisecond, whatever it
    carries, and a step of a small network some milliseconds. NCCL, between GPUs, chooses by itself.

    Keras has no public place for it. Were its private one renamed, the ring would go on to do it.

    Args:
        devices: of a worker.
    """
    numbers = sum(math.prod(each.shape) for each in network.trainable_variables)
    if devices == 1 and not has_gpu() and workers * numbers * BYTES <= MOST_BYTES:
        optimizer._all_reduce_sum_gradients = _at_once(workers, next(_instances))


def _at_once(workers: int, instance: int) -> Callable[[Pairs], Pairs]:
    import tensorflow as tf

    def summed(pairs: Pairs) -> Pairs:
        gradients, variables = zip(*pairs, strict=True)
        own = tf.concat([tf.reshape(each, [1, -1]) for each in gradients], axis=1)
        rows = tf.raw_ops.CollectiveGatherV2(
            input=own, group_size=workers, group_key=GROUP, instance_key=instance,
            ordering_token=[],
        )  # fmt: skip
        total = tf.reduce_sum(tf.reshape(rows, [workers, -1]), axis=0)
        shapes = [each.shape for each in variables]  # a gradient may not know its own
        parts = tf.split(total, [math.prod(shape) for shape in shapes])
        sums = [tf.reshape(*each) for each in zip(parts, shapes, strict=True)]
        return list(zip(sums, variables, strict=True))

    return summed
