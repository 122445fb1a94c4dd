"""MLflow tracking of a training run; a resumed training goes on in the same MLflow run."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from model.folder import ModelFolder, write_json

NOTE = "tracking.run"


class Run(Protocol):
    """Where a training run is told to."""

    @property
    def id(self) -> str | None: ...
    def parameters(self, values: dict[str, Any]) -> None: ...
    def epoch(self, measures: dict[str, float]) -> None: ...
    def finish(self, folder: ModelFolder) -> None: ...
    def end(
        self, status: str, measures: Mapping[str, float], tags: Mapping[str, str],
        files: Iterable[Path] = (),
    ) -> None: ...  # fmt: skip


def open_run(
    uri: str | None, experiment: str, name: str | None, tags: dict[str, str], out: Path
) -> Run:
    """The run to track to: none without a URI; a resumed training goes on in its own."""
    return MlflowRun(uri, experiment, name, tags, out / NOTE) if uri else NoRun()


class NoRun:
    """Tracks nothing."""

    id = None

    def parameters(self, values: dict[str, Any]) -> None: ...

    def epoch(self, measures: dict[str, float]) -> None: ...

    def finish(self, folder: ModelFolder) -> None: ...

    def end(
        self, status: str, measures: Mapping[str, float], tags: Mapping[str, str],
        files: Iterable[Path] = (),
    ) -> None: ...  # fmt: skip


class MlflowRun:
    """One run in MLflow, by the client alone: no global state, no telemetry."""

    def __init__(
        self, uri: str, experiment: str, name: str | None, tags: dict[str, str], note: Path
    ) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient

        self._client = MlflowClient(tracking_uri=uri)
        self.id: str | None = self._noted(note)
        if self.id is None:
            number = self._experiment(uri, experiment)
            self.id = self._client.create_run(number, run_name=name, tags=tags).info.run_id
            write_json(note, {"run_id": self.id})

    def parameters(self, values: dict[str, Any]) -> None:
        """Note the knobs."""
        from mlflow.entities import Param

        told = [Param(name, str(value)) for name, value in values.items()]
        self._client.log_batch(self.id, params=told)

    def epoch(self, measures: dict[str, float]) -> None:
        """Note the measures of one epoch."""
        from mlflow.entities import Metric

        now, step = int(time.time() * 1000), int(measures["epoch"])
        names = ("loss", "accuracy", "val_loss", "val_accuracy", "images_per_s")
        told = [Metric(name, measures[name], now, step) for name in names]
        self._client.log_batch(self.id, metrics=told)

    def finish(self, folder: ModelFolder) -> None:
        """Note the test metrics, keep the model folder's files, end the run."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        found = folder.metrics
        told = [Metric("test_accuracy", found["accuracy"], now, 0),
                Metric("test_loss", found["loss"], now, 0),
                *[Metric(f"test_recall/{_plain(label)}", share, now, 0)
                  for label, share in found["recall"].items()]]  # fmt: skip
        self._client.log_batch(self.id, metrics=told)
        for name in (*folder.manifest["files"], "manifest.json"):
            self._client.log_artifact(self.id, str(folder.path / name), "model")
        self._client.set_terminated(self.id)

    def end(
        self, status: str, measures: Mapping[str, float], tags: Mapping[str, str],
        files: Iterable[Path] = (),
    ) -> None:  # fmt: skip
        """Note what was found, keep ``files``, end the run as FINISHED, KILLED or FAILED."""
        from mlflow.entities import Metric, RunTag

        now = int(time.time() * 1000)
        told = [Metric(name, value, now, 0) for name, value in measures.items()]
        words = [RunTag(name, value) for name, value in tags.items()]
        self._client.log_batch(self.id, metrics=told, tags=words)
        for file in files:
            self._client.log_artifact(self.id, str(file))
        self._client.set_terminated(self.id, status)

    def _noted(self, note: Path) -> str | None:
        """The run that was begun here before, running again; none if MLflow no longer has it."""
        from mlflow.exceptions import MlflowException

        try:
            run_id = str(json.loads(note.read_text(encoding="utf-8"))["run_id"])
            self._client.update_run(run_id, status="RUNNING")
        except (OSError, ValueError, KeyError, MlflowException):
            return None
        return run_id

    def _experiment(self, uri: str, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found:
            return str(found.experiment_id)
        place = None
        if uri.startswith("sqlite:///"):  # else MLflow would put files below the current folder
            place = Path(uri.removeprefix("sqlite:///")).with_name("mlartifacts").as_uri()
        return str(self._client.create_experiment(name, artifact_location=place))


def _plain(label: str) -> str:
    """MLflow allows few signs in names."""
    return "".join(sign if sign.isalnum() or sign in " -_." else "-" for sign in label)
