"""
One epoch inside one call of TensorFlow: the loop over the batches is a part of the graph.

``keras.Model.fit`` comes back to Python between batches, and fails on several workers; this loop
does neither. With several GPUs, each takes its part of a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from model.quicken import gives_logits

if TYPE_CHECKING:
    from keras import Model

Measured = tuple[float, float]  # mean loss (nats) and share of right answers


class Epochs:
    """
    The compiled loops of one training run.

    Args:
        network: what learns; answers logits or probabilities.
        optimizer: was built for it.
        strategy: what shares batches over devices.
        smoothing: share of each label that is spread over all classes, in [0, 1).
    """

    def __init__(self, network: Model, optimizer: Any, strategy: Any, smoothing: float) -> None:
        self._network, self._optimizer, self._strategy = network, optimizer, strategy
        self._loss = _loss(gives_logits(network), smoothing)
        self._train, self._judge = self._loops()

    def train(self, batches: Any) -> Measured:
        """Learn from every batch once."""
        return self._shares(self._train(self._shared(batches)))

    def judge(self, batches: Any) -> Measured:
        """Answer every batch, and learn nothing."""
        return self._shares(self._judge(self._shared(batches)))

    def _loops(self) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        import tensorflow as tf

        network, optimizer = self._network, self._optimizer
        learned = network.trainable_variables

        def learn(images: Any, labels: Any, whole: Any) -> Any:
            with tf.GradientTape() as tape:
                answers = network(images, training=True)
                losses = self._loss(answers, labels)
                # Of the whole batch, of which this device has a part; plus what layers ask for.
                loss = tf.reduce_sum(losses) / tf.cast(whole, losses.dtype)
                penalties = network.losses
                if penalties:
                    devices = self._strategy.num_replicas_in_sync
                    loss += tf.cast(tf.add_n(penalties), loss.dtype) / devices
            optimizer.apply(tape.gradient(loss, learned), learned)
            return _sums(losses, answers, labels)

        def look(images: Any, labels: Any, whole: Any) -> Any:
            answers = network(images, training=False)
            return _sums(self._loss(answers, labels), answers, labels)

        return self._over_batches(learn), self._over_batches(look)

    def _over_batches(self, step: Callable[[Any, Any, Any], Any]) -> Callable[[Any], Any]:
        import tensorflow as tf

        strategy = self._strategy
        is_shared = strategy.num_replicas_in_sync > 1

        def share(images: Any, labels: Any) -> Any:
            whole = tf.shape(labels)[0]
            if is_shared:
                context = tf.distribute.get_replica_context()
                whole = context.all_reduce("SUM", whole)
            return step(images, labels, whole)

        @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
        def loop(batches: Any) -> Any:
            total = tf.zeros([3])
            for images, labels in batches:
                sums = strategy.run(share, args=(images, labels))
                total += strategy.reduce("SUM", sums, axis=None) if is_shared else sums
            return total

        return loop  # type: ignore[no-any-return]

    def _shared(self, batches: Any) -> Any:
        if self._strategy.num_replicas_in_sync > 1:
            return self._strategy.experimental_distribute_dataset(batches)
        return batches

    @staticmethod
    def _shares(sums: Any) -> Measured:
        loss, right, count = (float(value) for value in np.asarray(sums))
        return loss / count, right / count


def _loss(has_logits: bool, smoothing: float) -> Callable[[Any, Any], Any]:
    """Cross-entropy of each image, in nats."""
    import tensorflow as tf

    def loss(answers: Any, labels: Any) -> Any:
        answers = tf.cast(answers, tf.float32)
        logs = (
            tf.nn.log_softmax(answers)
            if has_logits
            else tf.math.log(tf.clip_by_value(answers, 1e-7, 1.0))
        )
        right = tf.gather(logs, labels, axis=1, batch_dims=1)
        return -((1 - smoothing) * right + smoothing * tf.reduce_mean(logs, axis=1))

    return loss


def _sums(losses: Any, answers: Any, labels: Any) -> Any:
    """Sum of the losses, number of right answers, number of images."""
    import tensorflow as tf

    right = tf.argmax(answers, axis=1, output_type=labels.dtype) == labels
    counts = [tf.reduce_sum(tf.cast(right, tf.float32)), tf.cast(tf.size(labels), tf.float32)]
    return tf.stack([tf.reduce_sum(losses), *counts])
