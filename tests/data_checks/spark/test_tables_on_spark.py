"""Random facts: every column that is added, every count and every verdict is the same in Spark."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pytest

from data_checks import near
from data_checks.facts import COLUMNS
from data_checks.judge import judge
from data_checks.limits import Limits
from data_checks.measures import PandasTables, tables_of
from data_checks.reading import DIGESTS, read_facts
from data_checks.spark import facts as on_spark
from data_checks.spark.seen import Seen
from data_checks.spark.session import keeping
from data_checks.spark.tables import SparkTables, tables_on_spark
from data_checks.table import _schema, write_batches
from tests.data_checks.test_near import with_bits_turned

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("few_parts")]

LABELS = ["cat", "Katze", "ü'\"\\\n", "2", "10", ""]
ODD = [None, math.nan, math.inf, -math.inf, -1.0, 0.0, 15.999999, 16.0, 255.0, 256.0, 300.0, 0.7]


def random_facts(seed: int, count: int) -> arrow.Table:
    """Facts of images that never were: with twins, near twins, odd numbers and unreadable ones."""
    random = np.random.default_rng(seed)
    pictures = max(1, count // random.integers(1, 5))
    hashes = random.integers(0, 256, (pictures, 32), np.uint8)
    far = pictures // 3  # the hashes of a third are those of others, with some bits turned
    hashes[:far] = with_bits_turned(hashes[far : 2 * far], random.integers(0, 12, far).tolist())
    rows = []
    for number in range(count):
        picture, seen = int(random.zipf(1.7)) % pictures, random.random() < 0.9
        side = int(random.choice([16, 20, 28]))
        rows.append({
            "path": f"{random.integers(count)}.png" if random.random() < 0.1 else f"{number}.png",
            "label": str(random.choice(LABELS, p=[0.6, 0.1, 0.1, 0.1, 0.08, 0.02])),
            "split": str(random.choice(["train", "test"], p=[0.7, 0.3])),
            "format": "PNG" if seen else "", "mode": "L" if seen else "",
            "height": side if seen else 0, "width": 28 if seen else 0,
            "channels": int(random.choice([1, 3, 4])) if seen else 0,
            "bytes": int(random.integers(2**40)),
            "file_sha256": f"{number:064x}", "pixel_sha256": f"{picture:064x}" if seen else None,
            "perceptual_hash": bytes(hashes[picture]).hex() if seen else None,
            "mean": _odd(random, 255) if seen else None,
            "deviation": _odd(random, 3) if seen else None,
            "readable": bool(seen), "problem": None if seen else ["cut", "empty"][number % 2],
        })  # fmt: skip
    return arrow.Table.from_pylist(rows, schema=_schema())


def _odd(random: np.random.Generator, most: float) -> float | None:
    if random.random() < 0.3:
        return ODD[random.integers(len(ODD))]
    return float(random.random() * most)


def in_parts(facts: arrow.Table, folder: Path, seed: int) -> Seen:
    """Written as by workers: some rows a chunk, some chunks a file."""
    random, left, rows = np.random.default_rng(seed), facts, []
    folder.mkdir()
    for number in range(4):
        some = left.slice(0, int(random.integers(len(left) + 1)) if number < 3 else None)
        left = left.slice(len(some))
        write_batches(some.to_batches(), folder / f"part-{number:08d}.parquet")
        half = len(some) // 2
        rows += [(number, 2 * number, half), (number, 2 * number + 1, len(some) - half)]
    return Seen(tuple(rows))


@pytest.fixture(params=range(5))
def both(request, spark, tmp_path):
    """The tables of the same random facts, in both engines, and a second reference."""
    seed = request.param
    count = [1, 40, 150, 300, 700][seed]
    facts = random_facts(seed, count)
    seen = in_parts(facts, tmp_path / "facts", seed)
    other = tables_of(read_facts(_written(random_facts(99, 60), tmp_path)), LABELS, 6, None)
    reference = _reference(other)
    here = tables_of(read_facts(tmp_path / "facts"), ["cat", "bird"], 6, reference)
    with keeping() as keep:
        there = tables_on_spark(
            on_spark.read_facts(spark, tmp_path / "facts"), seen, ["cat", "bird"], 6, reference,
            keep,
        )  # fmt: skip
        yield here, there


def _written(facts: arrow.Table, folder: Path) -> Path:
    return write_batches(facts.to_batches(), folder / "other.parquet")


def _reference(tables: PandasTables) -> Any:
    from data_checks.counts import reference_of

    return reference_of(tables.counts)


def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is missing is missing, in pandas by NaN as well."""
    return [
        {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}
        for row in rows
    ]


def same(here: PandasTables, there: SparkTables, table: str, digests: tuple[str, ...]) -> None:
    mine = plain(here.frame(table, digests).to_dict("records"))
    theirs = plain([row.asDict() for row in there.frame(table, digests).collect()])
    assert theirs == mine
    assert list(there.frame(table, digests).columns) == list(here.frame(table, digests).columns)


def test_tables_are_equal_row_by_row_and_column_by_column(both):
    here, there = both

    for table in ("images", "test"):
        same(here, there, table, ())
        same(here, there, table, DIGESTS)
    assert there.counts == here.counts
    assert list(there.counts.images) == list(here.counts.images)
    for table in ("classes", "drift"):
        assert there.frame(table).equals(here.frame(table))
    for column in ("size", "channels", "label", "deviation", "problem", "bytes"):
        assert there.most_frequent(column) == here.most_frequent(column), column
    wanted = [*here.images["path"].tolist()[::7], "nowhere"]
    assert sorted(there.rows_of(wanted)) == here.rows_of(wanted)


@pytest.mark.parametrize(
    "limits",
    [
        Limits(),
        Limits(min_deviation=0.7, max_blank_share=0.2, max_duplicate_share=0.5, formats=("BMP",)),
        Limits(size_policy="resize", max_leak_share=0.3, max_near_leak_share=0.4, min_balance=0),
    ],
    ids=["plain", "mild", "resized"],
)
def test_verdicts_are_equal(both, limits, tmp_path):
    here, there = both

    mine, theirs = (
        judge(tables, limits, ["cat", "bird"], tmp_path / "docs", has_reference=True)
        for tables in both
    )

    assert [dataclasses.asdict(c) for c in theirs] == [dataclasses.asdict(c) for c in mine]
    assert there.near_were_searched is here.near_were_searched is True


def test_near_twins_that_were_not_looked_for_are_told_alike(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(near, "MOST_PAIRS", 0)
    monkeypatch.setattr(near, "MOST_CANDIDATES", 0)
    seen = in_parts(random_facts(7, 200), tmp_path / "facts", 7)

    here = tables_of(read_facts(tmp_path / "facts"), LABELS, 6, None)
    with keeping() as keep:
        facts = on_spark.read_facts(spark, tmp_path / "facts")
        there = tables_on_spark(facts, seen, LABELS, 6, None, keep)
        same(here, there, "test", ())

    assert there.near_were_searched is here.near_were_searched is False
    assert set(COLUMNS) - set(DIGESTS) <= set(here.images)
