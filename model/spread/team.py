"""The share of one worker among several: a part of the images, in as many steps as the others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.arrays import Arrays
from model.batches import PLAIN, plain_batches, training_batches
from model.config import TrainConfig
from model.share import kept_out
from model.spread.failures import CannotSpread
from model.spread.loops import Feed, SharedEpochs
from model.spread.parts import sizes_of, steps_of


@dataclass(frozen=True)
class Team:
    """
    A worker of several; see ``model.share.Share``.

    Attributes:
        images: that each worker has, those for validation among them.
        shared: a ``MultiWorkerMirroredStrategy``.

    Raises:
        CannotSpread: a worker has fewer images than devices.
    """

    config: TrainConfig
    worker: int
    images: tuple[int, ...]
    shared: Any

    def __post_init__(self) -> None:
        if not self._steps:
            raise CannotSpread(
                f"a worker would learn from {min(self._learned)} images on {self._devices} GPUs; "
                "each needs one at least: ask for fewer --workers"
            )

    @property
    def learning_rate(self) -> float:
        """
        That of one worker, times the square root of the number of workers.

        A step sees as many times more images; for Adam, the square root of that keeps the noise of
        the steps as it is. The rest of the rule, for betas and epsilon, is left out: with ten
        workers it would leave nothing of the first beta.

        Source:
            Malladi, Lyu, Panigrahi, Arora: On the SDEs and Scaling Rules for Adaptive Gradient
            Algorithms (NeurIPS 2022), the square root scaling rule.
        """
        return self.config.learning_rate * math.sqrt(len(self.images))

    def strategy(self) -> Any:
        return self.shared

    def steps(self, images: int) -> int:
        del images  # as many as the others
        return self._steps

    def epochs(self, network: Any, optimizer: Any, strategy: Any, smoothing: float) -> SharedEpochs:
        return SharedEpochs(network, optimizer, strategy, smoothing, len(self.images))

    def training(self, arrays: Arrays, order: NDArray[np.int64], epoch: int) -> Feed:
        batches = training_batches(
            arrays.pixels, arrays.labels, order,
            batch_size=sizes_of(len(order), self._steps * self._devices),
            augment=self.config.augment, seed=(self.config.seed, epoch),
            numbers=(self.worker, len(self.images)),
        )  # fmt: skip
        return self._feed(batches, self._wholes)

    def validation(self, arrays: Arrays, places: NDArray[np.int64]) -> Feed:
        steps = math.ceil(len(places) / (PLAIN * self._devices))
        sizes = sizes_of(len(places), steps * self._devices)
        batches = plain_batches(arrays.pixels, arrays.labels, places, sizes)
        return self._feed(batches, np.zeros(steps, np.int32))

    def learned_from(self, images: int) -> int:
        del images
        return sum(self._learned)

    @cached_property
    def _learned(self) -> list[int]:
        """Images that each worker learns from."""
        return [images - kept_out(images, self.config) for images in self.images]

    @cached_property
    def _devices(self) -> int:
        """Of one worker."""
        return int(self.shared.num_replicas_in_sync) // len(self.images)

    @cached_property
    def _steps(self) -> int:
        return steps_of(self._learned, self.config.batch_size, self._devices)

    @property
    def _wholes(self) -> NDArray[np.int32]:
        """Images of all workers in each step."""
        parts = [sizes_of(images, self._steps * self._devices) for images in self._learned]
        whole = np.sum(parts, axis=0).reshape(self._steps, self._devices).sum(axis=1)
        return np.asarray(whole, np.int32)

    def _feed(self, batches: Any, wholes: NDArray[np.int32]) -> Feed:
        # Without an end, TensorFlow need not ask all workers in each step whether theirs has come.
        endless = batches.repeat()
        if self._devices == 1:  # as it is: TensorFlow's way around would take a fifth of a step
            return Feed(endless, wholes)
        return Feed(self.shared.distribute_datasets_from_function(lambda _: endless), wholes)
