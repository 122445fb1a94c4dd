"""How many images there are of each kind, counted by Spark."""

from __future__ import annotations

from typing import Any

import numpy as np

from data_checks.counts import BINS, Counts


def counts_of(images: Any) -> Counts:
    """Of a table with ``label``, ``split``, ``position``, ``mean`` and ``deviation``."""
    from pyspark.sql import functions as F  # noqa: N812

    kinds = images.groupBy("label", "split").agg(
        F.count("*").alias("images"), F.min("position").alias("position")
    )
    rows = sorted(kinds.collect(), key=lambda row: row.position)
    found = {(row.label, row.split): row.images for row in rows}
    binned = images.select(*_binned("mean"), *_binned("deviation")).first()
    half = len(BINS) - 1
    return Counts(found, tuple(binned[:half]), tuple(binned[half:]))


def _binned(name: str) -> list[Any]:
    """Images in each bin, as NumPy counts them: the last one has both of its edges."""
    from pyspark.sql import functions as F  # noqa: N812

    value, last = F.col(name), float(BINS[-1])
    return [
        F.count_if((value >= low) & ((value < high) | (F.lit(high == last) & (value == last))))
        for low, high in np.column_stack([BINS[:-1], BINS[1:]]).tolist()
    ]
