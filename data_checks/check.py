"""Judge a data set: facts, expectations, report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from data_checks.counts import Counts, Reference, reference_of
from data_checks.facts import Chunk
from data_checks.limits import Limits, Severity
from data_checks.measures import tables_of
from data_checks.reading import read_facts
from data_checks.table import facts_table

REPORT, FACTS, DOCS, SHEET = "report.json", "facts.parquet", "data_docs", "contact_sheet.png"

__all__ = ["Check", "Reference", "Report", "check_images"]


@dataclass(frozen=True)
class Check:
    """The verdict of one expectation, with the first images that failed it."""

    name: str
    severity: Severity
    passed: bool
    observed: str
    limit: str
    reason: str
    offenders: tuple[str, ...] = ()
    offender_count: int = 0


@dataclass(frozen=True)
class Report:
    """What was found; its files lie beside ``report.json``, which is written last."""

    passed: bool
    images: int
    splits: dict[str, dict[str, int]]
    checks: tuple[Check, ...]
    reference: Reference

    @classmethod
    def load(cls, folder: Path) -> Report:
        """Read the report in ``folder``. Raises OSError or ValueError if there is none, or half."""
        found = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        checks = tuple(
            Check(**{**check, "offenders": tuple(check["offenders"])}) for check in found["checks"]
        )
        reference = Reference.of_json(found["reference"])
        return cls(found["passed"], found["images"], found["splits"], checks, reference)

    def save(self, folder: Path) -> None:
        """Write it whole or not at all."""
        draft = folder / f"{REPORT}.draft"
        draft.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False), encoding="utf-8")
        draft.replace(folder / REPORT)


def check_images(
    chunks: Iterable[Chunk],
    *,
    labels: Sequence[str],
    limits: Limits,
    out: Path,
    reference: Reference | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
    confirm: Callable[[], None] | None = None,
) -> Report:
    """
    Judge every image.

    Args:
        chunks: of the images; those with an offending one are read twice.
        labels: of the data set, also those without an image.
        limits: thresholds and severities.
        out: folder for report, facts, Data Docs and contact sheet; an old content is replaced.
        reference: distribution of the champion's data, if there is a champion.
        workers: processes that look at images; by default one a core.
        progress: is told how many images were looked at.
        confirm: is called before the report is written; raises what ends the check, as where the
            images have changed meanwhile.

    Returns:
        The report; ``passed`` is false if a check of severity "refuse" failed.

    Raises:
        FactsFailed: a process died while it looked at images.
    """
    from data_checks.judge import judge
    from data_checks.sheet import TILES, contact_sheet

    begin(out)
    known = list(chunks)  # places where images lie, not images
    ends: list[int] = []  # of each chunk: images up to there

    def tell(done: int) -> None:
        ends.append(done)
        if progress:
            progress(done)

    facts_table(known, out / FACTS, workers=workers, progress=tell)
    tables = tables_of(read_facts(out / FACTS), labels, limits.near_distance, reference)
    checks = judge(tables, limits, labels, out / DOCS, has_reference=reference is not None)
    failed = offenders(checks)
    drawn = tables.images["path"].isin(list(failed)[:TILES]).to_numpy().nonzero()[0]
    places = sorted(set(np.searchsorted(ends, drawn, "right").tolist()))
    contact_sheet([known[place] for place in places], failed, out / SHEET)
    report = report_of(tables.counts, checks)
    if confirm:
        confirm()
    report.save(out)
    return report


def begin(out: Path) -> None:
    """An empty folder; its report goes first, as it is written last: it vouches for the rest."""
    (out / REPORT).unlink(missing_ok=True)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)


def offenders(checks: Sequence[Check]) -> dict[str, str]:
    """Path of each image that is named by a failed check → name of that check."""
    return {path: check.name for check in checks if not check.passed for path in check.offenders}


def report_of(counts: Counts, checks: Sequence[Check]) -> Report:
    """What was found, of so many images."""
    return Report(
        passed=all(check.passed for check in checks if check.severity == "refuse"),
        images=counts.total,
        splits=counts.splits,
        checks=tuple(checks),
        reference=reference_of(counts),
    )
