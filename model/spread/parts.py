"""
Which image is whose: arithmetic alone, so that every worker knows it of all others.

Of every ``workers`` consecutive training images each worker has one. So any class has the same
share of each worker's images, also where the images of a class lie together; and as it is drawn who
has which of them, also where the classes take turns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]


def worker_of(places: Places, workers: int) -> NDArray[np.int64]:
    """
    The worker of each training image; there, it is the image number ``place // workers``.

    Args:
        places: of the images, in the order of the data set.

    >>> worker_of(np.arange(8), 2).tolist()
    [1, 0, 0, 1, 1, 0, 0, 1]
    """
    turn = _drawn(places // workers) % np.uint64(workers)
    found: NDArray[np.int64] = (places + turn.astype(np.int64)) % workers
    return found


def images_of(workers: int, images: int) -> list[int]:
    """How many training images each worker has: as even as can be."""
    whole, rest = divmod(images, workers)
    last = worker_of(np.arange(images - rest, images), workers)
    return [whole + int(more) for more in np.bincount(last, minlength=workers)]


def steps_of(images: list[int], batch_size: int, devices: int) -> int:
    """
    Steps an epoch, the same for all workers, each with some images for every device in every step.

    Args:
        images: that each worker learns from.
        batch_size: images a worker takes a step, at most, but for a few more if that is no whole
            number of steps for a worker that has fewer than another.
        devices: of one worker.

    >>> steps_of([100, 99], batch_size=10, devices=1)
    10
    >>> steps_of([3, 2], batch_size=1, devices=1)
    2
    """
    return min(-(-max(images) // batch_size), min(images) // devices)


def sizes_of(images: int, parts: int) -> Places:
    """
    Images in each of ``parts`` batches, as even as can be.

    >>> sizes_of(11, 4).tolist()
    [3, 3, 3, 2]
    """
    whole, rest = divmod(images, parts)
    return whole + (np.arange(parts) < rest).astype(np.int64)


def _drawn(blocks: Places) -> NDArray[np.uint64]:
    """
    A number for each block of images that looks as if it were drawn.

    Source:
        The finalizer of SplitMix64: Steele, Lea, Flood: Fast splittable pseudorandom number
        generators (OOPSLA 2014).
    """
    mixed = (blocks.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
