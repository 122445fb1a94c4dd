"""
``python -m data_checks.program --images URI --opened-by MODULE:FUNCTION --out DIR``: judge images.

A program of its own, as a cluster runs it. What opens a data set is named by whoever starts it,
for these checks know none: ``model.images:open_images`` does. It answers something with ``labels``,
``chunks()``, ``digest()``, a length and perhaps ``mark()``; its module's ``BadDataset`` is what
cannot be read as one.

Killed at any moment, it leaves no report, and the same command begins anew. Exit codes: 0 judged:
the report says how · 1 bug · 2 usage · 3 the data cannot be judged, or changed meanwhile · 4 a
machine or a storage failed: the same command may work · 130 interrupted.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from cyclopts import App, CycloptsError

from data_checks.check import Report, begin, check_images
from data_checks.counts import Reference
from data_checks.limits import BadLimits, Limits
from data_checks.pool import FactsFailed
from data_checks.spark.session import NoSpark, session
from data_checks.unchanged import Changed, Unchanged
from data_checks.words import BadWord, limits_of, opener_of, reference_of

TELL_EVERY_S = 5.0
app = App(
    name="python -m data_checks.program",
    help=__doc__,
    version_flags=[],
    result_action="return_value",
)


@app.default
def program(
    *,
    images: str,
    opened_by: str,
    out: Path,
    limits: str | None = None,
    reference: Path | None = None,
    workers: int = 1,
    engine: Literal["auto", "pool", "spark"] = "auto",
    dataset_digest: str | None = None,
    progress: Path | None = None,
) -> int:
    """
    Judge every image; write report, facts, Data Docs and contact sheet.

    Parameters
    ----------
    images
        The data set: whatever --opened-by opens.
    opened_by
        MODULE:FUNCTION that opens it.
    out
        Folder for the report; an old content is replaced. It may be a mounted volume.
    limits
        JSON, or a file of JSON or TOML; by default data_checks.toml beside the images.
    reference
        A report, or its part "reference", as JSON: what the distribution is compared with.
    workers
        Of the cluster: Spark's look at the images if there are 2 or more, else processes here.
    engine
        pool or spark, whatever --workers is.
    dataset_digest
        What shall be judged: images of another digest are refused, also if they change meanwhile.
    progress
        File that gets the newest line of progress; it may be on a mounted volume.
    """
    opener, bad_dataset = opener_of(opened_by)
    against = reference_of(reference) if reference else None
    is_on_spark = engine == "spark" or (engine == "auto" and workers > 1)
    try:
        wanted = limits_of(limits, images)
        opened = opener(images)
        confirm = Unchanged(opener, images, opened, dataset_digest) if dataset_digest else None
        report = (_on_spark if is_on_spark else _here)(
            opened, wanted, out, against, _now_and_then(len(opened), progress), confirm
        )
    except (bad_dataset, BadLimits, Changed, NoSpark) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 3
    except (FactsFailed, OSError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 4
    _tell(report)
    return 0


def _here(
    opened: Any, limits: Limits, out: Path, reference: Reference | None,
    tell: Callable[[int], None], confirm: Callable[[], None] | None,
) -> Report:  # fmt: skip
    """By processes of this machine, on its own disk; the report is copied when it is complete."""
    from data_checks.delivery import deliver

    begin(out)
    with tempfile.TemporaryDirectory() as folder:
        report = check_images(
            opened.chunks(), labels=opened.labels, limits=limits, out=Path(folder) / "report",
            reference=reference, progress=tell, confirm=confirm,
        )  # fmt: skip
        deliver(Path(folder) / "report", out)
    return report


def _on_spark(
    opened: Any, limits: Limits, out: Path, reference: Reference | None,
    tell: Callable[[int], None], confirm: Callable[[], None] | None,
) -> Report:  # fmt: skip
    """By the workers of the session that is found: a cluster's, or one on this machine."""
    from data_checks.spark.check import check_images_on_spark

    return check_images_on_spark(
        session("data checks"), opened.chunks(),
        labels=opened.labels, limits=limits, out=out.absolute(), reference=reference,
        progress=tell, confirm=confirm,
    )  # fmt: skip


def _now_and_then(total: int, file: Path | None) -> Callable[[int], None]:
    last = time.monotonic()
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)

    def tell(done: int) -> None:
        nonlocal last
        if done == total or time.monotonic() - last >= TELL_EVERY_S:
            last = time.monotonic()
            line = f"looked at {done:,} of {total:,} images"
            print(line, flush=True)
            if file:
                file.write_text(line, encoding="utf-8")

    return tell


def _tell(report: Report) -> None:
    for check in report.checks:
        if not check.passed:
            print(f"{check.severity}: {check.name}: {check.observed} (limit: {check.limit})")
    print(f"{len(report.checks)} checks on {report.images:,} images: "
          f"{'passed' if report.passed else 'refused'}", flush=True)  # fmt: skip


def main() -> int:
    """Run the command line; answer its exit code."""
    try:
        return int(app(exit_on_error=False, print_error=False) or 0)
    except (CycloptsError, BadWord) as error:
        print(f"usage: {error}; see --help", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def task() -> None:
    """The same in a wheel: a job sees what is raised, and does not look at what is answered."""
    if code := main():
        raise SystemExit(code)


if __name__ == "__main__":
    raise SystemExit(main())
