"""
``python -m model.batch_score --model DIR --data URI --out URI``: answer any number of images.

Killed at any moment, the same command goes on, and ends with exactly one row an image.

Exit codes: 0 done · 1 bug · 2 usage · 3 the model, the data or the place cannot be used ·
4 storage or a process failed: the same command goes on · 130 interrupted.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from pydantic import ValidationError

from model.batch_score.options import Scoring
from model.config import faults

app = App(
    name="python -m model.batch_score", help=__doc__, version_flags=[], result_action="return_value"
)


@app.default
def batch_score(
    *,
    model: Path,
    data: str,
    out: str,
    version_name: str = "",
    scoring: Annotated[Scoring, Parameter(name="*")] = Scoring(),  # noqa: B008 (frozen)
    capture: str | None = None,
    report: Path | None = None,
    dataset_digest: str | None = None,
) -> int:
    """
    Write a row an image: what the model answers, and how sure it is.

    Parameters
    ----------
    model
        The model folder.
    data
        Images, which need no label: a folder, Parquet file, IDX folder, or an fsspec URL of one.
    out
        Folder or fsspec URL: gets scores/ and bad/, and scores.json when all is there.
    version_name
        What the model is called in the scores, such as the number of its version.
    capture
        Folder or fsspec URL of captured traffic: gets a sample of the scores, for the monitor.
    report
        Folder of this machine: gets progress.txt, a copy of scores.json, and a picture.
    dataset_digest
        What is expected: images of another digest are refused.
    """
    from model.batch_score.lacking import NotInstalled
    from model.batch_score.place import BadPlace, StorageFailed
    from model.batch_score.pool import WorkerDied
    from model.batch_score.report import follower, write_report
    from model.batch_score.work import Asked, work
    from model.folder import BadModelFolder
    from model.image_files import StorageIll, is_forbidden
    from model.images import BadDataset

    asked = Asked(model, data, out, scoring, version_name, capture, dataset_digest)
    try:
        scores = work(asked, follower(report))
        if report:
            write_report(scores, report)
    except (NotInstalled, BadModelFolder, BadDataset, BadPlace) as error:
        return _refused(error)
    except StorageIll as error:
        if is_forbidden(error):
            return _refused(error)
        print(f"failed: {_one_line(error)}; the same command goes on", file=sys.stderr)
        return 4
    except (StorageFailed, WorkerDied, OSError) as error:
        print(f"failed: {_one_line(error)}", file=sys.stderr)
        return 4
    print(f"{scores.said}; {out}")
    return 0


def _refused(error: Exception) -> int:
    print(f"refused: {_one_line(error)}", file=sys.stderr)
    return 3


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def main() -> int:
    """Run the command line; answer its exit code."""
    if threading.current_thread() is threading.main_thread():  # as signals must be
        signal.signal(signal.SIGTERM, _interrupt)  # workers end with us, and drafts are removed
    try:
        return int(app(exit_on_error=False, print_error=False) or 0)
    except CycloptsError as error:
        cause = error.__cause__
        print(f"usage: {faults(cause) if isinstance(cause, ValidationError) else error}; "
              "see --help", file=sys.stderr)  # fmt: skip
        return 2
    except KeyboardInterrupt:
        return 130


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def task() -> None:
    """The same in a wheel: a job sees what is raised, and does not look at what is answered."""
    if code := main():
        raise SystemExit(code)


if __name__ == "__main__":
    raise SystemExit(main())
