"""What Spark's workers do with perceptual hashes: take them apart, compare them with a few."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from data_checks.near import Hashes, by_all_pairs, part_of
from data_checks.reading import HASH_BYTES
from data_checks.spark.looking import forget_archives

if TYPE_CHECKING:
    import pyarrow as arrow

WORDS = ("word0", "word1", "word2", "word3")
KEYED = "hash binary, of_test boolean, of_train boolean, keys array<long>, " + ", ".join(
    f"{word} long" for word in WORDS
)


def keyed(batches: Iterator[arrow.RecordBatch], parts: int) -> Iterator[arrow.RecordBatch]:
    """Each hash with its parts as numbers, and with all of its bits as four of them."""
    import pyarrow as arrow

    for batch in batches:
        hashes = bytes_of(batch.column("hash").to_pylist())
        keys = np.zeros((len(hashes), parts), np.uint64)
        for part in range(parts):
            keys[:, part] = part_of(hashes, part, parts)
        ends = arrow.array(np.arange(len(hashes) + 1, dtype=np.int32) * np.int32(parts))
        lists = arrow.ListArray.from_arrays(ends, arrow.array(keys.view(np.int64).ravel()))
        words = hashes.view(np.int64)
        columns = [*batch.columns, lists, *(arrow.array(words[:, at]) for at in range(len(WORDS)))]
        yield arrow.record_batch(columns, [*batch.schema.names, "keys", *WORDS])
    forget_archives()


def tests_near(
    few: Hashes, distance: int, batches: Iterator[arrow.RecordBatch]
) -> Iterator[arrow.RecordBatch]:
    """Those of few tests that are near one of the training images here."""
    found = np.zeros(len(few), bool)
    for batch in batches:
        found |= by_all_pairs(few, bytes_of(batch.column("hash").to_pylist()), distance)
    yield _batch(few[found])
    forget_archives()


def near_trains(
    few: Hashes, distance: int, batches: Iterator[arrow.RecordBatch]
) -> Iterator[arrow.RecordBatch]:
    """Those of the tests here that are near one of few training images."""
    for batch in batches:
        hashes = bytes_of(batch.column("hash").to_pylist())
        yield _batch(hashes[by_all_pairs(hashes, few, distance)])
    forget_archives()


def bytes_of(rows: list[bytes]) -> Hashes:
    """As NumPy takes them, shape (hashes, 32)."""
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, HASH_BYTES)


def _batch(hashes: Hashes) -> arrow.RecordBatch:
    import pyarrow as arrow

    return arrow.record_batch([arrow.array([bytes(row) for row in hashes], "binary")], ["hash"])
