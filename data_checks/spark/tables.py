"""The tables that the expectations look at, on Spark: joins that scale, and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from data_checks.counts import Counts, Reference, classes_of, drift_of
from data_checks.facts import COLUMNS
from data_checks.reading import DIGESTS
from data_checks.spark.counting import counts_of
from data_checks.spark.near import near_twins
from data_checks.spark.seen import Seen
from data_checks.spark.session import Keep

if TYPE_CHECKING:
    import pandas as pd

ADDED = ("size", "is_duplicate", "label_count", "is_leaked", "is_nearly_leaked")
PLAIN = tuple(name for name in COLUMNS if name not in DIGESTS)


@dataclass(frozen=True)
class SparkTables:
    """
    Attributes:
        every: one row an image, with all columns and its ``position``.
        images: the same without digests, which is kept by the workers.
        seen: where in the data set the facts are of.
        keep: computes a table once.
    """

    every: Any
    images: Any
    counts: Counts
    classes: pd.DataFrame
    drift: pd.DataFrame
    near_were_searched: bool
    seen: Seen
    keep: Keep

    def most_frequent(self, column: str) -> Any:
        """See ``Tables``."""
        known = self.images.where("readable").where(f"`{column}` is not null")
        counted = known.groupBy(column).count().orderBy("count", column, ascending=[False, True])
        found = counted.first()
        return found[column] if found else None

    def frame(self, table: str, digests: Sequence[str] = ()) -> Any:
        """See ``Tables``; images come in the order of the data set, if not all are asked for."""
        if table in ("classes", "drift"):
            return getattr(self, table)
        frame = self._whole if digests else self.images
        frame = frame.where("split = 'test'") if table == "test" else frame
        # No sorting of a whole table: of what fails, the first few are taken.
        return frame.orderBy("position").select(*PLAIN, *ADDED, *digests)

    @cached_property
    def _whole(self) -> Any:
        """With digests, which are most of it: for checks that ask for them."""
        return self.keep(self.every)

    def rows_of(self, paths: Sequence[str]) -> list[int]:
        """Where the first image of each path is, counted through the data set."""
        from pyspark.sql import functions as F  # noqa: N812 (its users call it so)

        named = self.images.where(F.col("path").isin(list(paths)))
        first = named.groupBy("path").agg(F.min("position").alias("position"))
        return self.seen.rows_at(row.position for row in first.collect())


def tables_on_spark(
    facts: Any,
    seen: Seen,
    labels: Sequence[str],
    near_distance: int,
    reference: Reference | None,
    keep: Keep,
) -> SparkTables:
    """Add what follows from all images together to the facts of each."""
    from pyspark.sql import functions as F  # noqa: N812

    is_test = F.col("split") == "test"
    near = near_twins(facts, near_distance, keep)
    every = facts.join(_twins(facts, keep), "pixel_sha256", "left")
    if near is None:
        every = every.withColumn("is_near", F.lit(None))
    else:
        hashes = near.select(
            F.lower(F.hex("hash")).alias("perceptual_hash"), F.lit(True).alias("is_near")
        )
        every = every.join(hashes, "perceptual_hash", "left")
    first = F.when(is_test, F.col("first_test")).otherwise(F.col("first_train"))
    every = every.select(
        *(_limited(name) for name in COLUMNS),
        F.concat("width", F.lit("x"), "height").alias("size"),
        F.coalesce(F.col("position") > first, F.lit(False)).alias("is_duplicate"),
        F.coalesce("label_count", F.lit(1)).cast("int").alias("label_count"),
        (is_test & F.col("first_train").isNotNull()).alias("is_leaked"),
        (is_test & F.col("is_near").isNotNull()).alias("is_nearly_leaked"),
        "position",
    )
    images = keep(every.drop(*DIGESTS))
    counts = counts_of(images)
    return SparkTables(
        every, images, counts, classes_of(counts, labels), drift_of(counts, reference),
        near is not None, seen, keep,
    )  # fmt: skip


def _twins(facts: Any, keep: Keep) -> Any:
    """
    Pixels that occur more than once: under how many labels, and where first in each split.

    Counted where the facts lie, then added up: a million equal pictures are no more than one.
    """
    from pyspark.sql import functions as F  # noqa: N812

    is_test = F.col("split") == "test"
    return keep(
        facts.where("pixel_sha256 is not null")
        .groupBy("pixel_sha256")
        .agg(
            F.count("*").alias("images"),
            F.count_distinct("label").alias("label_count"),
            F.min(F.when(is_test, F.col("position"))).alias("first_test"),
            F.min(F.when(~is_test, F.col("position"))).alias("first_train"),
        )
        .where("images > 1")
        .drop("images")
    )


def _limited(name: str) -> Any:
    """Limits have 64 bits: so have the columns that are compared with them, in every engine."""
    from pyspark.sql import functions as F  # noqa: N812

    if COLUMNS[name] != "float32":
        return F.col(name)
    value = F.col(name).cast("double")
    return F.when(~F.isnan(value), value).alias(name)
