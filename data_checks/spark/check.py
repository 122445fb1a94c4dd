"""Judge a data set on Spark: the same facts, expectations and report."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from data_checks.check import DOCS, FACTS, SHEET, Report, begin, offenders, report_of
from data_checks.counts import Reference
from data_checks.facts import Chunk
from data_checks.limits import Limits

if TYPE_CHECKING:
    from data_checks.measures import PandasTables
    from data_checks.spark.seen import Seen
    from data_checks.spark.tables import SparkTables

MOST_IN_MEMORY: Final = 1_000_000  # images whose table is judged here: half a kilobyte each


def check_images_on_spark(
    spark: Any,
    chunks: Iterable[Chunk],
    *,
    labels: Sequence[str],
    limits: Limits,
    out: Path,
    reference: Reference | None = None,
    progress: Callable[[int], None] | None = None,
    confirm: Callable[[], None] | None = None,
    most_in_memory: int = MOST_IN_MEMORY,
) -> Report:
    """
    Judge every image, as ``check_images`` does, with the workers of a Spark session.

    Args:
        spark: the session.
        chunks: places of images that all workers reach; those with an offending image are read
            again, here.
        labels, limits, reference, confirm: as in ``check_images``.
        out: a folder that all workers see. Facts are a folder of Parquet files in it, which they
            write; all else is made on this machine and copied, for ``out`` may be a volume.
        progress: is told how many images were looked at, from a thread of its own.
        most_in_memory: of so many images the table is judged in the memory of this machine, which
            is quicker; a larger one by the workers, in no memory here.

    Returns:
        The report: that of ``check_images`` for the same images.

    Raises:
        FactsFailed: a process died while it looked at images, or a machine while it judged them.
    """
    from data_checks.delivery import deliver
    from data_checks.judge import judge
    from data_checks.pool import MOST_SECONDS_A_CHUNK
    from data_checks.sheet import TILES, contact_sheet
    from data_checks.spark.facts import write_facts
    from data_checks.spark.failures import LOST_LATER, causes_told, loss_in

    begin(out)
    known = list(chunks)  # places where images lie, not images
    seen = write_facts(spark, known, out / FACTS, progress=progress)
    where = _on_spark if seen.images > most_in_memory else _in_memory
    with (
        causes_told(MOST_SECONDS_A_CHUNK, LOST_LATER),
        tempfile.TemporaryDirectory() as folder,
        where(spark, out / FACTS, seen, labels, limits, reference) as tables,
    ):
        here = Path(folder)
        checks = judge(
            tables, limits, labels, here / DOCS, has_reference=reference is not None,
            loss_in=loss_in,
        )  # fmt: skip
        if failed := offenders(checks):
            places = seen.chunks_with(tables.rows_of(list(failed)[:TILES]))
            contact_sheet([known[place] for place in places], failed, here / SHEET)
        report = report_of(tables.counts, checks)
        if confirm:
            confirm()
        report.save(here)
        deliver(here, out)
    return report


@contextmanager
def _in_memory(
    spark: Any, facts: Path, seen: Seen, labels: Sequence[str], limits: Limits,
    reference: Reference | None,
) -> Iterator[PandasTables]:  # fmt: skip
    from data_checks.measures import tables_of
    from data_checks.reading import read_facts

    yield tables_of(read_facts(facts), labels, limits.near_distance, reference)


@contextmanager
def _on_spark(
    spark: Any, facts: Path, seen: Seen, labels: Sequence[str], limits: Limits,
    reference: Reference | None,
) -> Iterator[SparkTables]:  # fmt: skip
    from data_checks.spark.facts import read_facts
    from data_checks.spark.session import keeping, settings, shuffled_parts
    from data_checks.spark.tables import tables_on_spark

    parts = shuffled_parts(seen.images, spark.sparkContext.defaultParallelism)
    with settings(spark, {"spark.sql.shuffle.partitions": parts}), keeping() as keep:
        yield tables_on_spark(
            read_facts(spark, facts), seen, labels, limits.near_distance, reference, keep
        )
