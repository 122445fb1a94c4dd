"""validate: are these images fit to learn from?"""

from __future__ import annotations

import time
from dataclasses import replace

from data_checks.check import REPORT, Check, Reference, Report
from data_checks.limits import Limits
from tasks.artifacts import markdown_table, picture, show_page
from tasks.digests import digest_of
from tasks.errors import Refused
from tasks.ports import Backend, checks_part
from tasks.records import CheckedDataset, Dataset, ModelVersion
from tasks.source import checks_code
from tasks.step import Skipped, say, step


# Without a time limit of Prefect's: it runs in a thread beside the gate, where none could interrupt
# it. Its workers have one (data_checks/pool.py).
@step(name="validate-images", timeout_s=None, run_name="validate {dataset.name}")
def validate_images(
    on: Backend, dataset: Dataset, champion: ModelVersion | None, is_forced: bool = False,
    workers: int = 1,
) -> CheckedDataset | Skipped[CheckedDataset]:  # fmt: skip
    """
    Let every image be judged by the suite of ``data_checks/expectations.py``.

    Args:
        workers: machines that may look at images together.

    Raises:
        Refused: a check of severity "refuse" failed; the message names check and images.
    """
    limits, against, key = _question(on, dataset, champion)
    if not is_forced and (kept := _recall(on, dataset, key)):
        return _skipped(on, kept)
    with on.ledger.exclusive(f"checks of {dataset.uri}", say, part=checks_part(key)):
        # Another release may have made them meanwhile.
        if not is_forced and (kept := _recall(on, dataset, key)):
            return _skipped(on, kept)
        report = _check(on, dataset, limits, against, key, workers)
        if not report.passed:
            raise _refusal(on, dataset, report, key)
        warnings = tuple(_line(check) for check in report.checks if not check.passed)
        checked = CheckedDataset(
            dataset, key, on.datasets.reports(key), checks=len(report.checks), warnings=warnings
        )
        # Passing beside a reference is the harder test: the same data need not pass the easier one.
        for passed_key in {key, _key(dataset, limits, None)}:
            on.ledger.keep("validate", passed_key, checked)
        return checked


def known_checks(
    on: Backend, dataset: Dataset, champion: ModelVersion | None
) -> tuple[str, CheckedDataset | None, bool]:
    """
    What a release would ask: the key of the checks, what they found before, and whether the images
    are compared with those of the champion.
    """
    _, against, key = _question(on, dataset, champion)
    return key, _recall(on, dataset, key), against is not None


def _question(
    on: Backend, dataset: Dataset, champion: ModelVersion | None
) -> tuple[Limits, Reference | None, str]:
    """Limits, the statistics to compare with, and the key of both with data and code."""
    limits = on.datasets.limits(dataset)
    against = _reference_of(on, champion, dataset)
    return limits, against, _key(dataset, limits, champion if against else None)


def _recall(on: Backend, dataset: Dataset, key: str) -> CheckedDataset | None:
    """
    What was found before, now of these images, which may have lain elsewhere then; unless a run
    that was killed, or refused them, has begun to look again since.
    """
    kept = on.ledger.recall("validate", key, CheckedDataset)
    if kept is None:
        return None
    try:
        report = Report.load(kept.report)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return replace(kept, dataset=dataset) if report.passed else None


def _skipped(on: Backend, kept: CheckedDataset) -> Skipped[CheckedDataset]:
    _show(on, kept.dataset, Report.load(kept.report), kept.key)
    return Skipped(kept, f"the {kept.dataset.images:,} images and their checks are unchanged")


def _check(
    on: Backend, dataset: Dataset, limits: Limits, against: Reference | None, key: str, workers: int
) -> Report:
    began = time.monotonic()
    report = on.datasets.check(dataset, limits, against, key, say, workers)
    failed = [check for check in report.checks if not check.passed]
    for check in failed:
        say(f"{check.severity}: {_line(check)}")
    if failed:
        say(f"Look at {on.datasets.reports(key) / 'data_docs' / 'index.html'}")
    seconds = time.monotonic() - began
    say(f"{len(report.checks)} checks on {report.images:,} images in {seconds:.0f} s")
    _show(on, dataset, report, key)
    return report


def _key(dataset: Dataset, limits: Limits, champion: ModelVersion | None) -> str:
    reference = champion.dataset_digest if champion else None
    return digest_of((dataset.digest, checks_code(), limits.model_dump(), reference))[:32]


def _reference_of(on: Backend, champion: ModelVersion | None, dataset: Dataset) -> Reference | None:
    """Statistics of the champion's data; none when that is this very data set."""
    if champion is None or champion.dataset_digest == dataset.digest:
        return None
    folder = on.datasets.reports(champion.tags.get("checks_key", "none"))
    return Report.load(folder).reference if (folder / REPORT).exists() else None


def _line(check: Check) -> str:
    named = ", ".join(check.offenders[:5])
    images = f" · {named}{' …' if check.offender_count > 5 else ''}" if named else ""
    return f"{check.name}: {check.observed} (limit: {check.limit}){images}"


def _refusal(on: Backend, dataset: Dataset, report: Report, key: str) -> Refused:
    reasons = [c for c in report.checks if not c.passed and c.severity == "refuse"]
    page = on.datasets.reports(key) / "data_docs" / "index.html"
    lines = "\n".join(f"  · {_line(check)}\n    why: {check.reason}" for check in reasons)
    return Refused(
        f"the images of {dataset.uri} failed {len(reasons)} of {len(report.checks)} checks:\n"
        f"{lines}\nLook at {page}\n"
        "Mend the images, or set another limit in data_checks.toml beside them (docs/checks.md).",
        reasons=tuple(_line(check) for check in reasons),
    )


def _show(on: Backend, dataset: Dataset, report: Report, key: str) -> None:
    folder = on.datasets.reports(key)
    rows = [
        (
            "passed" if c.passed else ("REFUSED" if c.severity == "refuse" else "warning"),
            c.name, c.observed, c.limit, c.reason,
        )
        for c in sorted(report.checks, key=lambda c: c.passed)
    ]  # fmt: skip
    sheet = folder / "contact_sheet.png"
    show_page(
        "data-checks",
        f"Data checks of {dataset.name}: {'passed' if report.passed else 'refused'}",
        f"{report.images:,} images of `{dataset.uri}` (digest `{dataset.digest[:12]}`)\n\n"
        + markdown_table(("verdict", "check", "observed", "limit", "why it matters"), rows)
        + (f"\n\n{picture(sheet, 'offending images')}" if sheet.exists() else "")
        + f"\n\nData Docs: `{folder / 'data_docs' / 'index.html'}`",
    )
