"""Training images as pixels, a partition a worker: decoded by Spark, and kept on its disks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.images import BadDataset, ImageSet
from model.spread.causes import losses_told
from model.spread.decoding import DECODED, SUMMED, decoded, summed
from model.spread.looking import Looked
from model.spread.parts import images_of
from model.spread.places import Places, raised
from model.spread.session import if_spark_lives, settings

MOST_BATCH_BYTES = 32 << 20  # of pixels that go to or from a task at once
MOST_BATCH_ROWS = 10_000
ROWS_A_BATCH = "spark.sql.execution.arrow.maxRecordsPerBatch"
TRIED_A_WORKER = 64  # numbers to find one that falls into a given partition


@dataclass(frozen=True)
class Shards:
    """
    What the workers learn from.

    Attributes:
        frame: a row an image; partition ``n`` is the shard of worker ``n``, and no other's.
        digests: of the shards, each over its images in any order.
        train_images: of all shards.
    """

    spark: Any
    frame: Any = field(repr=False)
    digests: tuple[str, ...]
    shape: tuple[int, int, int]
    train_images: int
    test_images: int
    test_digest: str

    @losses_told()
    def some(self, places: Sequence[int]) -> NDArray[np.uint8]:
        """The pixels of the images at ``places``, in the order of the data set."""
        from pyspark.sql import functions

        wanted = self.frame.filter(functions.col("image").isin(sorted(set(places))))
        rows = wanted.select("image", "pixels").toLocalIterator()
        found = {row.image: np.frombuffer(row.pixels, np.uint8) for row in rows}
        return np.stack([found[place] for place in places]).reshape(-1, *self.shape)


@contextmanager
def sharded(
    spark: Any, images: ImageSet, places: Places, looked: Looked, workers: int
) -> Iterator[Shards]:
    """
    Decode the training images, and part them; Spark forgets them in the end.

    Raises:
        BadDataset: fewer than two training images a worker, or the images changed meanwhile.
        BadImage: the first one that cannot be decoded, by name.
        WorkersLost: as ``losses_told``.
    """
    from pyspark import StorageLevel

    total, batch = sum(looked.train), rows_a_batch(looked.shape)
    ask_for_two_each(images, total, workers)
    first = (0, *accumulate(looked.train))[:-1]
    work = partial(
        decoded, labels=images.labels, shape=looked.shape, keys=keys_of(spark, workers),
        rows=batch,
    )  # fmt: skip
    with settings(spark, {ROWS_A_BATCH: batch, **places.settings}):
        rows = places.rows(spark, [first, looked.train]).mapInArrow(work, DECODED)
        frame = rows.repartition(workers, "key").persist(StorageLevel.DISK_ONLY)
        try:
            digests = _digests(frame, images.uri, images_of(workers, total))
            yield Shards(spark, frame, digests, looked.shape, total,
                         looked.test_images, looked.test_digest)  # fmt: skip
        finally:
            with if_spark_lives():
                frame.unpersist()


def ask_for_two_each(images: ImageSet, train: int, workers: int) -> None:
    """Raises BadDataset: fewer than two training images a worker."""
    if train < 2 * workers:
        raise BadDataset(
            f"{images.uri} has {train} training images for {workers} workers, each of which needs "
            f"one to learn from and one to be judged by; ask for --workers {max(1, train // 2)}"
        )


def rows_a_batch(shape: tuple[int, int, int]) -> int:
    """Images of ``shape`` that go to or from a task at once: memory for them is bounded."""
    return max(1, min(MOST_BATCH_ROWS, MOST_BATCH_BYTES // int(np.prod(shape))))


@losses_told()
def keys_of(spark: Any, workers: int) -> tuple[int, ...]:
    """
    A number for each worker that falls into the partition of the worker's own number.

    A partition is chosen by Spark's hash of a column; with the workers' bare numbers some
    partitions would get two workers, and some none.
    """
    from pyspark.sql import functions

    tried = spark.range(TRIED_A_WORKER * workers, numPartitions=1)
    place = functions.expr(f"pmod(hash(id), {workers})")
    found = tried.groupBy(place.alias("place")).agg(functions.min("id").alias("key")).collect()
    keys = {row.place: row.key for row in found}
    return tuple(keys[worker] for worker in range(workers))


@losses_told()
def _digests(frame: Any, uri: str, expected: Sequence[int]) -> tuple[str, ...]:
    """Decode now; make sure that each partition holds its worker's images, all of them."""
    parts = frame.mapInArrow(summed, SUMMED).collect()
    faults = [(part.image, part.fault) for part in parts if part.fault]
    if faults:
        raise raised(min(faults)[1])
    found = {part.partition: part for part in parts}
    counts = [found[n].images if n in found else 0 for n in range(len(expected))]
    if counts != list(expected):
        raise BadDataset(f"{uri} changed while it was read: {sum(expected):,} training images "
                         f"were counted and {sum(counts):,} decoded; start again")  # fmt: skip
    if any(part.partition != part.worker for part in parts) or len(parts) != len(expected):
        raise RuntimeError(f"Spark parted the images otherwise than it hashes: {parts}")
    return tuple(found[n].digest for n in range(len(expected)))
