"""Judge one data set with a process pool and on Spark: the reports must be equal, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from data_checks.check import FACTS, REPORT, SHEET, Report, check_images
from data_checks.limits import Limits
from data_checks.spark.check import check_images_on_spark
from data_checks.spark.session import settings
from model.images import open_images

JudgeTwice = Callable[..., Report]
IN_MEMORY, ON_SPARK = 1_000_000, 0  # where the table is judged, whoever looked at the images


@pytest.fixture
def few_parts(spark) -> Iterator[None]:
    """Rows are shuffled in few parts, as they are few."""
    with settings(spark, {"spark.sql.shuffle.partitions": 4}):
        yield


@pytest.fixture
def judge_twice(spark, tmp_path: Path) -> JudgeTwice:
    """``judge_twice(folder)`` answers the report that both engines gave; its files in ``.out``."""

    def run(uri: Path | str, limits: Limits | None = None, *, most=ON_SPARK, **options) -> Report:
        images = open_images(str(uri))
        asked = {"labels": images.labels, "limits": limits or Limits.beside(str(uri)), **options}
        report = check_images(images.chunks(7), **asked, out=run.pool, workers=1)
        check_images_on_spark(spark, images.chunks(7), **asked, out=run.out, most_in_memory=most)
        assert equal(run.pool, run.out) == []
        return report

    run.pool, run.out = tmp_path / "pool", tmp_path / "spark"
    return run


def equal(one: Path, other: Path) -> list[str]:
    """The files of two reports that differ."""
    differ = [name for name in (REPORT, SHEET) if _bytes(one / name) != _bytes(other / name)]
    mine, theirs = (parquet.read_table(folder / FACTS) for folder in (one, other))
    if not mine.equals(theirs):
        differ.append(FACTS)
    if not (other / "data_docs" / "index.html").is_file():
        differ.append("data_docs")
    return differ


def _bytes(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


def failed(report: Report) -> dict[str, tuple[str, ...]]:
    """Name of each failed check → images that it names."""
    return {check.name: check.offenders for check in report.checks if not check.passed}
