"""The loops of one worker over its batches, in step with those of the others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from model.epoch import Epochs, Measured
from model.spread.exchange import hasten

if TYPE_CHECKING:
    from keras import Model
    from numpy.typing import NDArray


class Feed(NamedTuple):
    """
    The batches of a worker.

    Attributes:
        batches: a batch for each device in turn; without an end.
        wholes: for each step, the images of all devices of all workers.
    """

    batches: Any
    wholes: NDArray[np.int32]


class SharedEpochs(Epochs):
    """
    The same loops on a strategy of several workers.

    In a step, the workers exchange gradients and nothing else: how many images all have is known
    beforehand, and what they measure is summed up after the last step.

    Args:
        workers: how many.
    """

    def __init__(
        self, network: Model, optimizer: Any, strategy: Any, smoothing: float, workers: int
    ) -> None:
        import tensorflow as tf

        self._devices = strategy.num_replicas_in_sync // workers  # of one worker
        self._followed = [
            each.value for each in network.non_trainable_variables if each.value.dtype.is_floating
        ]
        self._gather = tf.function(lambda row: strategy.run(_gathered, args=(row,)))
        self._average = tf.function(lambda: strategy.run(_averaged, args=(self._followed,)))
        hasten(optimizer, network, workers, self._devices)
        super().__init__(network, optimizer, strategy, smoothing)

    def train(self, batches: Feed) -> Measured:
        """
        Learn from every batch once; then all workers have the same weights.

        Batch normalization follows the images of its own worker; what it holds is averaged.

        Raises:
            RuntimeError: they have not.
        """
        found = super().train(batches)
        if self._followed:
            self._average()
        if len(digests := self.digests()) > 1:
            raise RuntimeError(f"the workers' weights differ after an epoch: {sorted(digests)}")
        return found

    def digests(self) -> set[str]:
        """Of the weights of each worker, and of its optimizer."""
        own = hashlib.sha256()
        for variable in (*self._network.variables, *self._optimizer.variables):
            own.update(np.ascontiguousarray(variable).data)
        # As real numbers: what is exchanged between GPUs is.
        rows = self._of_all(np.frombuffer(own.digest(), np.uint8).astype(np.float32))
        return {row.astype(np.uint8).tobytes().hex() for row in rows}

    def _over_batches(self, step: Callable[[Any, Any, Any], Any]) -> Callable[[Any], Any]:
        import tensorflow as tf

        strategy = self._strategy

        @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
        def loop(batches: Any, wholes: Any) -> Any:
            total = tf.zeros([3])
            for whole in wholes:
                images, labels = next(batches)
                sums = strategy.run(step, args=(images, labels, whole))
                total += tf.add_n(strategy.experimental_local_results(sums))
            return total

        def summed(feed: Feed) -> Any:
            return self._of_all(loop(iter(feed.batches), tf.constant(feed.wholes)).numpy()).sum(0)

        return summed

    def _shared(self, batches: Feed) -> Feed:
        return batches

    def _of_all(self, row: NDArray[np.float32]) -> NDArray[np.float32]:
        """
        The rows of all workers.

        Args:
            row: of this worker, shape (values,).

        Returns:
            Shape (workers, values).
        """
        import tensorflow as tf

        found = self._strategy.experimental_local_results(self._gather(tf.constant(row[None])))
        rows: NDArray[np.float32] = found[0].numpy()[:: self._devices]
        return rows


# In both, the identity puts a value on a device, which TensorFlow then asks for.


def _gathered(row: Any) -> Any:
    import tensorflow as tf

    return tf.distribute.get_replica_context().all_gather(tf.identity(row), axis=0)


def _averaged(variables: list[Any]) -> None:
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    means = context.all_reduce("MEAN", [tf.identity(each) for each in variables])
    for variable, mean in zip(variables, means, strict=True):
        variable.assign(mean)
