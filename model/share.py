"""
Which images a worker learns from, in which batches.

Alone, it has all of them, and a batch is a batch. ``model.spread.team`` shares them among workers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from model.arrays import Arrays
from model.batches import plain_batches, training_batches
from model.config import TrainConfig
from model.devices import strategy
from model.epoch import Epochs


class Share(Protocol):
    """What a worker of a training run must know of its part in it."""

    @property
    def worker(self) -> int:
        """Its number, from 0: decides the order of its images and what is kept out of them."""

    @property
    def learning_rate(self) -> float:
        """The highest one of the run."""

    def strategy(self) -> Any:
        """How the batches are shared over devices."""

    def steps(self, images: int) -> int:
        """Steps an epoch, where this worker learns from ``images``."""

    def epochs(self, network: Any, optimizer: Any, strategy: Any, smoothing: float) -> Epochs:
        """The loops over the batches."""

    def training(self, arrays: Arrays, order: NDArray[np.int64], epoch: int) -> Any:
        """What ``Epochs.train`` takes, for one epoch."""

    def validation(self, arrays: Arrays, places: NDArray[np.int64]) -> Any:
        """What ``Epochs.judge`` takes."""

    def learned_from(self, images: int) -> int:
        """Images an epoch of all workers, where this one learns from ``images``."""


@dataclass(frozen=True)
class Alone:
    """The only worker."""

    config: TrainConfig
    worker: ClassVar[int] = 0

    @property
    def learning_rate(self) -> float:
        return self.config.learning_rate

    def strategy(self) -> Any:
        return strategy()

    def steps(self, images: int) -> int:
        return math.ceil(images / self.config.batch_size)

    def epochs(self, network: Any, optimizer: Any, strategy: Any, smoothing: float) -> Epochs:
        return Epochs(network, optimizer, strategy, smoothing)

    def training(self, arrays: Arrays, order: NDArray[np.int64], epoch: int) -> Any:
        config = self.config
        return training_batches(
            arrays.pixels, arrays.labels, order,
            batch_size=config.batch_size, augment=config.augment, seed=(config.seed, epoch),
        )  # fmt: skip

    def validation(self, arrays: Arrays, places: NDArray[np.int64]) -> Any:
        return plain_batches(arrays.pixels, arrays.labels, places)

    def learned_from(self, images: int) -> int:
        return images


def parted(
    images: int, config: TrainConfig, worker: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices for training and for validation; at least one image in each."""
    order = np.random.default_rng((config.seed, worker)).permutation(images)
    held_out = kept_out(images, config)
    return order[held_out:], np.sort(order[:held_out])


def kept_out(images: int, config: TrainConfig) -> int:
    """How many of ``images`` are for validation."""
    return min(max(1, round(images * config.validation_share)), images - 1)


def order_of(epoch: int, places: NDArray[np.int64], seed: int, worker: int) -> NDArray[np.int64]:
    """
    The order of a worker's images in an epoch: decided by these numbers alone.

    Worker 0 of several begins where the only worker would: zeros at the end of a seed count not.

    >>> order_of(4, np.arange(5), seed=7, worker=0).tolist()
    [3, 4, 2, 1, 0]
    >>> np.random.default_rng((7, 4)).permutation(np.arange(5)).tolist()
    [3, 4, 2, 1, 0]
    """
    return np.random.default_rng((seed, epoch, worker)).permutation(places)
