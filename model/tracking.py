"""Where a training run is told to: nowhere, an MLflow of this machine, or one far away."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from model.folder import ModelFolder

NOTE = "tracking.run"
MOST_SAID = 500  # characters of why a run failed
HERE = ("sqlite:", "file:", "/")  # what no network lies before


class Run(Protocol):
    """Where a training run is told to."""

    @property
    def id(self) -> str | None: ...
    def parameters(self, values: dict[str, Any]) -> None: ...
    def epoch(self, measures: dict[str, float], at_ms: int | None = None) -> None: ...
    def finish(self, folder: ModelFolder) -> None: ...
    def end(
        self, status: str, measures: Mapping[str, float], tags: Mapping[str, str],
        files: Iterable[Path] = (),
    ) -> None: ...  # fmt: skip


def open_run(
    uri: str | None, experiment: str, name: str | None, tags: dict[str, str], out: Path,
    key: str = "",
) -> Run:  # fmt: skip
    """The run to track to: none without a URI; a resumed one of that key goes on in its own."""
    if not uri:
        return NoRun()
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient  # noqa: F401 (now, not in a thread beside TensorFlow's import)

    from model.mlflow_run import MlflowRun

    def begin() -> MlflowRun:
        return MlflowRun(uri, experiment, name, tags, out / NOTE, key)

    if uri.startswith(HERE):
        run = begin()
        run.note()
        return run
    from model.far_run import FarRun

    # of one call: after that FarRun knows of it, and asks again itself
    os.environ.setdefault("MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT", "30")
    return FarRun(begin, out)


@contextmanager
def ends_with(run: Run) -> Iterator[None]:
    """An error of the training ends its run too, as FAILED; an interruption leaves it to go on."""
    try:
        yield
    except Exception as error:
        try:
            run.end("FAILED", {}, {"why": str(error)[:MOST_SAID] or repr(error)})
        except Exception as untold:  # noqa: BLE001 (the training's own error is what counts)
            print(f"MLflow was not told that the training failed: {untold}", flush=True)
        raise


class NoRun:
    """Tracks nothing."""

    id = None

    def parameters(self, values: dict[str, Any]) -> None: ...

    def epoch(self, measures: dict[str, float], at_ms: int | None = None) -> None: ...

    def finish(self, folder: ModelFolder) -> None: ...

    def end(
        self, status: str, measures: Mapping[str, float], tags: Mapping[str, str],
        files: Iterable[Path] = (),
    ) -> None: ...  # fmt: skip
