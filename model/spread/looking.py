"""What the headers of all images tell: looked at by Spark, and summed up for the driver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from model.arrays import ask_for_enough, digest_of_test, row_of
from model.config import TrainConfig
from model.headers import known_of
from model.images import ImageSet
from model.pixels import BadImage
from model.spread.causes import losses_told
from model.spread.places import Places, chunks_of, fault, raised, readable
from model.spread.session import if_spark_lives, settings

if TYPE_CHECKING:
    from pyarrow import RecordBatch

ROWS = 4096  # of a batch that goes back to Spark
COLUMNS = {
    "chunk": "long", "at": "long", "height": "int", "width": "int", "is_colour": "boolean",
    "is_train": "boolean", "test_row": "string", "fault": "string",
}  # fmt: skip
SCHEMA = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())


@dataclass(frozen=True)
class Looked:
    """
    What must be known before the images are decoded.

    Attributes:
        shape: (height, width, channels) of all.
        train: training images in each chunk.
        test_digest: as of ``Arrays``.
    """

    shape: tuple[int, int, int]
    train: tuple[int, ...]
    test_images: int
    test_digest: str


@losses_told()
def look(spark: Any, images: ImageSet, places: Places, config: TrainConfig) -> Looked:
    """
    Look at the header of every image, as ``load_arrays`` does, and with its answers.

    Raises:
        BadDataset: no training or no test images, fewer than two classes, or it cannot be read.
        BadImage: the first one that is no image, by name.
        WorkersLost: as ``losses_told``.
    """
    from pyspark import StorageLevel

    with settings(spark, places.settings):
        known = places.rows(spark).mapInArrow(_look, SCHEMA).persist(StorageLevel.DISK_ONLY)
        try:
            train, test, has_colour = _counts(known, len(places))
            ask_for_enough(images, sum(train), test)
            height, width = _size(known)
            shape = (config.height or height, config.width or width,
                     config.channels or (3 if has_colour else 1))  # fmt: skip
            return Looked(shape, train, test, _test_digest(known))
        finally:
            with if_spark_lives():
                known.unpersist()


def _look(batches: Iterable[RecordBatch]) -> Iterator[RecordBatch]:
    """In a task: a row an image."""
    import pyarrow as arrow

    kinds = {"long": arrow.int64(), "int": arrow.int32(), "boolean": arrow.bool_(),
             "string": arrow.string()}  # fmt: skip
    schema = arrow.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    rows = (row for numbers, chunk in chunks_of(batches) for row in _rows(numbers["chunk"], chunk))
    while some := list(islice(rows, ROWS)):
        columns = [
            arrow.array(c, f.type) for c, f in zip(zip(*some, strict=True), schema, strict=True)
        ]
        yield arrow.RecordBatch.from_arrays(columns, schema=schema)


def _rows(number: int, chunk: Any) -> Iterator[tuple[Any, ...]]:
    for at, image, why in readable(chunk):
        if image is not None:
            try:
                known = known_of(image)
            except BadImage as error:
                why = fault(error)
            else:
                is_train = known.split == "train"
                yield (number, at, known.height, known.width, known.is_colour,
                       is_train, None if is_train else row_of(known), None)  # fmt: skip
                continue
        yield number, at, 0, 0, False, False, None, why


def _counts(known: Any, chunks: int) -> tuple[tuple[int, ...], int, bool]:
    """Training images in each chunk, test images, and whether any has colour."""
    from pyspark.sql import functions

    first = functions.expr("min(case when fault is not null then struct(at, fault) end)")
    rows = (
        known.groupBy("chunk")
        .agg(functions.count_if("is_train").alias("train"),
             functions.count("test_row").alias("test"),
             functions.max("is_colour").alias("has_colour"),
             first.alias("first"))
        .collect()
    )  # fmt: skip
    faults = [(row.chunk, row.first.at, row.first.fault) for row in rows if row.first]
    if faults:
        raise raised(min(faults)[2])
    train = [0] * chunks
    for row in rows:
        train[row.chunk] = row.train
    return tuple(train), sum(row.test for row in rows), any(row.has_colour for row in rows)


def _size(known: Any) -> tuple[int, int]:
    """As ``headers.shape_of``: the most frequent; of several, the one that comes first."""
    from pyspark.sql import functions

    most = (
        known.groupBy("height", "width")
        .agg(functions.count("*").alias("images"),
             functions.min(functions.struct("chunk", "at")).alias("first"))
        .orderBy(functions.desc("images"), "first")
        .first()
    )  # fmt: skip
    return most.height, most.width


def _test_digest(known: Any) -> str:
    """Sorted by Spark, and read a partition at a time."""
    rows = known.filter("not is_train").select("test_row").orderBy("test_row")
    return digest_of_test(row.test_row for row in rows.toLocalIterator())
