"""What Spark's tasks do to make the shards: decode images, and sum up what a shard holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from model.images import BadDataset
from model.pixels import BadImage
from model.score import pixels_of
from model.spread.parts import worker_of
from model.spread.places import chunks_of, fault, readable

if TYPE_CHECKING:
    from pyarrow import RecordBatch

DECODED = "key long, worker int, image long, label int, pixels binary, fault string"
SUMMED = "partition int, worker int, images long, digest string, image long, fault string"
SIZE = 1 << 256  # of a SHA-256


def decoded(
    batches: Iterable[RecordBatch],
    labels: tuple[str, ...],
    shape: tuple[int, int, int],
    keys: tuple[int, ...],
    rows: int,
) -> Iterator[RecordBatch]:
    """
    A row a training image, or one that tells why there is none.

    Args:
        batches: with chunks; the first number of each is that of its first training image among
            all, the second how many training images it had when it was looked at.
        keys: a worker's rows have its key.
        rows: at most so many at once.
    """
    import pyarrow as arrow

    kinds = (arrow.int64(), arrow.int32(), arrow.int64(), arrow.int32(), arrow.binary(),
             arrow.string())  # fmt: skip
    names = [word.split()[0] for word in DECODED.split(", ")]
    number = {label: at for at, label in enumerate(labels)}
    found = (
        row
        for counted, chunk in chunks_of(batches)
        for row in _rows(counted["count0"], counted["count1"], chunk, number, shape)
    )
    while some := list(islice(found, rows)):
        image, label, pixels, why = zip(*some, strict=True)
        workers = worker_of(np.array(image, np.int64), len(keys))
        key = np.array(keys, np.int64)[workers]
        columns = (key, workers, image, label, pixels, why)
        yield arrow.RecordBatch.from_arrays(
            [arrow.array(c, kind) for c, kind in zip(columns, kinds, strict=True)], names
        )


def summed(batches: Iterable[RecordBatch]) -> Iterator[RecordBatch]:
    """A row for each worker of which images are in this partition, and the first fault there."""
    import pyarrow as arrow
    from pyspark import TaskContext

    totals: dict[int, Total] = {}
    for batch in batches:
        for row in batch.to_pylist():
            totals.setdefault(row["worker"], Total()).add(row)
    context = TaskContext.get()
    rows = [
        {"partition": context.partitionId(), "worker": worker, "images": total.images,
         "digest": total.digest, "image": total.image, "fault": total.fault}
        for worker, total in totals.items()
    ]  # fmt: skip
    kinds = (arrow.int32(), arrow.int32(), arrow.int64(), arrow.string(), arrow.int64(),
             arrow.string())  # fmt: skip
    names = [word.split()[0] for word in SUMMED.split(", ")]
    schema = arrow.schema(list(zip(names, kinds, strict=True)))
    yield arrow.RecordBatch.from_pylist(rows, schema=schema)


class Total:
    """How many images were added, and a digest of them that knows no order."""

    def __init__(self) -> None:
        self.images = self._sum = 0
        self.image: int | None = None
        self.fault: str | None = None

    @property
    def digest(self) -> str:
        return f"{self._sum:064x}"

    def add(self, row: dict[str, Any]) -> None:
        """Count a row of ``DECODED``."""
        if row["fault"] is not None:
            if self.image is None or row["image"] < self.image:
                self.image, self.fault = row["image"], row["fault"]
            return
        self.images += 1
        told = hashlib.sha256(f"{row['image']} {row['label']}\0".encode() + row["pixels"])
        self._sum = (self._sum + int.from_bytes(told.digest(), "big")) % SIZE


def _rows(
    first: int, expected: int, chunk: Any, number: dict[str, int], shape: tuple[int, int, int]
) -> Iterator[tuple[int, int, bytes | None, str | None]]:
    """Place of a training image among all, its class, its pixels; or why it has none."""
    done = 0
    for at, image, why in readable(chunk, "train"):
        if image is not None:
            done += 1
            try:
                pixels = pixels_of(image, shape).tobytes()
                if image.label not in number:
                    raise BadDataset(f"{image.path} has no label")
            except (BadImage, BadDataset) as error:
                why = fault(error)
            else:
                yield first + at, number[image.label], pixels, None
                continue
        yield first + at, -1, None, why
        return
    if done != expected:
        changed = BadDataset("the images changed while they were read; start again")
        yield first, -1, None, fault(changed)
