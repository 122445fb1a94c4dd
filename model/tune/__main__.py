"""
``python -m model.tune --data URI --out DIR``: search for good knobs. A program of its own.

It reads training images alone: trials are measured on the part of them that training keeps out.
Killed at any moment, the same command goes on, within the trial that ran. Exit codes: 0 done ·
1 bug · 2 usage · 3 the data cannot be learned from · 130 interrupted.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from pydantic import ValidationError

from model.config import TrainConfig, faults
from model.devices import before_tensorflow
from model.images import BadDataset
from model.pixels import BadImage
from model.tune.space import BadSpace, Search, ask_for_one_worker, chosen

app = App(name="python -m model.tune", help=__doc__, version_flags=[], result_action="return_value")


@app.default
def tune(
    *,
    data: str,
    out: Path,
    search: Annotated[Search, Parameter(name="*")] = Search(),  # noqa: B008 (frozen)
    config: Annotated[TrainConfig, Parameter(name="*")] = TrainConfig(),  # noqa: B008 (frozen)
    tracking_uri: str | None = None,
    experiment: str | None = None,
    run_name: str | None = None,
    tag: list[str] | None = None,
) -> int:
    """
    Search for good knobs of a training run.

    Parameters
    ----------
    data
        Folder with a folder a class, Parquet file, IDX folder, or an fsspec URL of one.
    out
        Where the study, its result and its pictures are kept.
    tracking_uri
        MLflow to write a run of the search, and one below it for each trial, to; none if left out.
    experiment
        MLflow experiment; by default the name of the data.
    run_name
        Name of the MLflow run.
    tag
        KEY=VALUE for the MLflow run; may be repeated.
    """
    from model.tune.study import BadStudy
    from model.tune.telling import Tracking
    from model.tune.work import work

    tags = dict(word.partition("=")[::2] for word in tag or [])
    ask_for_one_worker(config)
    search = search.over(config)
    space = chosen(search.knobs)
    try:
        work(data, out, search, space, config, Tracking(tracking_uri, experiment, run_name, tags))
    except (BadDataset, BadImage, BadStudy) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 3
    return 0


def main() -> int:
    """Run the command line; answer its exit code."""
    before_tensorflow()
    signal.signal(signal.SIGTERM, _interrupt)  # the trial that runs is set aside, not lost
    try:
        return int(app(exit_on_error=False, print_error=False) or 0)
    except (CycloptsError, BadSpace) as error:
        cause = error.__cause__
        print(f"usage: {faults(cause) if isinstance(cause, ValidationError) else error}; "
              "see --help", file=sys.stderr)  # fmt: skip
        return 2
    except KeyboardInterrupt:
        return 130


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
