"""
Near twins on Spark: as in ``data_checks.near``, with a join where that sorts and looks up.

Hashes that are equal in a part of their bits meet in a join by (part, these bits), and are compared
there. Their pairs are counted first, and given up where they are there: the answers are equal.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from data_checks import near
from data_checks.reading import HASH_BYTES
from data_checks.spark.hashes import KEYED, WORDS, bytes_of, keyed, near_trains, tests_near
from data_checks.spark.session import Keep


def near_twins(facts: Any, distance: int, keep: Keep) -> Any:
    """
    Hashes of test images that differ from one of a training image in at most ``distance`` bits.

    Args:
        facts: with the columns ``split`` and ``perceptual_hash``, in hexadecimal or null.
        keep: computes a table once.

    Returns:
        A table of one column ``hash`` (bytes; none occurs twice), or ``None``: there are too many
        pairs to look at.
    """
    from pyspark.sql import functions as F  # noqa: N812 (its users call it so)

    is_test = F.col("split") == "test"
    hashes = (
        facts.where("perceptual_hash is not null")
        .groupBy(F.unhex("perceptual_hash").alias("hash"))
        .agg(F.bool_or(is_test).alias("of_test"), F.bool_or(~is_test).alias("of_train"))
    )
    parts = distance + 1 if HASH_BYTES * 8 // (distance + 1) >= near.LEAST_BITS else 0
    known = keep(hashes.mapInArrow(partial(keyed, parts=parts), KEYED))
    tests, trains = known.select(F.count_if("of_test"), F.count_if("of_train")).first()
    if not tests or not trains:
        return known.where("false").select("hash")
    found = _by_parts(known, parts, distance, keep) if parts else None
    if found is None and tests * trains <= near.MOST_PAIRS:
        found = _by_all_pairs(known, distance, "of_test" if tests <= trains else "of_train")
    return None if found is None else keep(found)


def _by_parts(known: Any, parts: int, distance: int, keep: Keep) -> Any:
    """
    All parts at once if the pairs are few; else one after the other, and hashes that were found
    are compared no more. ``None``: too many pairs even then.
    """
    if _pairs(known, range(parts)) <= near.MOST_CANDIDATES:
        return _met(known, range(parts), distance)
    found, left = known.where("false").select("hash"), near.MOST_CANDIDATES
    for part in range(parts):
        still = keep(_without(known, found))
        left -= _pairs(still, range(part, part + 1))
        if left < 0:
            return None
        found = found.union(keep(_met(still, range(part, part + 1), distance)))
    return found


def _by_all_pairs(known: Any, distance: int, few_are: str) -> Any:
    """Every worker compares what it has with all of the side of which there are fewer."""
    few = bytes_of([row.hash for row in known.where(few_are).select("hash").collect()])
    side = "of_train" if few_are == "of_test" else "of_test"
    compare = partial(tests_near if few_are == "of_test" else near_trains, few, distance)
    return known.where(side).select("hash").mapInArrow(compare, "hash binary").distinct()


def _pairs(known: Any, parts: range) -> int:
    """How many pairs of a test and a training image are equal in one of the parts, or in more."""
    from pyspark.sql import functions as F  # noqa: N812

    met = _exploded(known, parts).groupBy("part", "key")
    each = met.agg(F.count_if("of_test").alias("tests"), F.count_if("of_train").alias("trains"))
    pairs = each.select(F.sum(F.col("tests").cast("double") * F.col("trains"))).first()[0]
    return int(pairs or 0)


def _met(known: Any, parts: range, distance: int) -> Any:
    """Hashes of test images with a near one among those that are equal in one of the parts."""
    from pyspark.sql import functions as F  # noqa: N812

    rows = _exploded(known, parts)
    trains = rows.where("of_train").select(
        F.col("part").alias("train_part"), F.col("key").alias("train_key"),
        *(F.col(word).alias(f"train_{word}") for word in WORDS),
    )  # fmt: skip
    bits = [F.bit_count(F.col(word).bitwiseXOR(F.col(f"train_{word}"))) for word in WORDS]
    is_near = F.expr("part = train_part and key = train_key") & (sum(bits) <= distance)
    return rows.where("of_test").join(trains, is_near, "left_semi").select("hash").distinct()


def _exploded(known: Any, parts: range) -> Any:
    from pyspark.sql import functions as F  # noqa: N812

    keys = F.posexplode(F.slice("keys", parts.start + 1, len(parts))).alias("part", "key")
    return known.select("hash", "of_test", "of_train", *WORDS, keys)


def _without(known: Any, found: Any) -> Any:
    """``known``, but tests that were found are none any more."""
    from pyspark.sql import functions as F  # noqa: N812

    marked = known.join(found.withColumn("is_found", F.lit(True)), "hash", "left")
    is_open = F.col("of_test") & F.col("is_found").isNull()
    return marked.withColumn("of_test", is_open).drop("is_found")
