"""A shard on the disk of its worker: an array that can be mapped into memory, and its labels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model.arrays import MOST_IN_MEMORY_BYTES, Arrays
from model.images import BadDataset
from model.spread.decoding import Total
from model.spread.job import Job

if TYPE_CHECKING:
    from pyarrow import RecordBatch

PIXELS, LABELS = "pixels.npy", "labels.npy"


def write_shard(
    batches: Iterable[RecordBatch], folder: Path, job: Job, worker: int, digest: str
) -> None:
    """
    Write the images of a partition, each at its place in the shard.

    Raises:
        BadDataset: they are not those that were decoded first.
    """
    whole, total = (job.images[worker], *job.shape), Total()
    pixels = np.lib.format.open_memmap(folder / PIXELS, "w+", np.uint8, whole)
    labels = np.full(len(pixels), -1, np.int32)
    for batch in batches:
        for row in batch.to_pylist():
            total.add(row)
            place = row["image"] // job.workers
            if row["fault"] is None and place < len(pixels):
                pixels[place] = np.frombuffer(row["pixels"], np.uint8).reshape(job.shape)
                labels[place] = row["label"]
    if total.digest != digest:
        raise BadDataset("the images changed since they were first read; start again")
    pixels.flush()
    np.save(folder / LABELS, labels)


def read_shard(folder: Path, job: Job) -> Arrays:
    """The shard, in memory if it is small enough."""
    pixels = np.load(folder / PIXELS, mmap_mode="r")
    if pixels.nbytes <= MOST_IN_MEMORY_BYTES:
        pixels = np.load(folder / PIXELS)
    return Arrays(pixels, np.load(folder / LABELS), job.shape, test_images=0, test_digest="")
