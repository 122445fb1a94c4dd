"""One training run in MLflow; a resumed training goes on in the same one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from model.folder import ModelFolder, write_json

EPOCH = ("loss", "accuracy", "val_loss", "val_accuracy", "images_per_s")  # its measures
ILL = {401, 403, 408, 429}  # answers that say nothing of the run


class MlflowRun:
    """
    One run in MLflow, by the client alone: no global state, no telemetry.

    Args:
        note: file that tells the run which was begun here before.
        key: of what decides the weights: where that was another one, its run does not go on.
    """

    def __init__(
        self, uri: str, experiment: str, name: str | None, tags: dict[str, str], note: Path,
        key: str = "",
    ) -> None:  # fmt: skip
        from mlflow import MlflowClient

        self._client, self._note = MlflowClient(tracking_uri=uri), note
        found = self._noted(key)
        if found is None:
            number = self._experiment(uri, experiment)
            made = self._client.create_run(number, run_name=name, tags=tags).info
            found = {"run_id": str(made.run_id), "experiment_id": str(made.experiment_id)}
            found["key"] = key
            self._told = set[int]()
        else:  # what died before it could tell is told now, and nothing twice
            history = self._client.get_metric_history(found["run_id"], EPOCH[-1])
            self._told = {int(each.step) for each in history}
        self._found = found
        self.id: str | None = found["run_id"]

    def note(self) -> None:
        """Leave word of the run, for the training that goes on from here."""
        write_json(self._note, self._found)

    def parameters(self, values: dict[str, Any]) -> None:
        """Note the knobs."""
        from mlflow.entities import Param

        told = [Param(name, str(value)) for name, value in values.items()]
        self._client.log_batch(self.id, params=told)

    def epoch(self, measures: dict[str, float], at_ms: int | None = None) -> None:
        """Note the measures of one epoch, which ended at that time, or now; once."""
        from mlflow.entities import Metric

        now, step = at_ms or int(time.time() * 1000), int(measures["epoch"])
        if step in self._told:
            return
        told = [Metric(name, measures[name], now, step) for name in EPOCH]
        self._client.log_batch(self.id, metrics=told)
        self._told.add(step)

    def finish(self, folder: ModelFolder) -> None:
        """Note the test metrics, keep the model folder's files, end the run."""
        self.measure(folder)
        self.keep(folder)
        self._client.set_terminated(self.id)

    def measure(self, folder: ModelFolder) -> None:
        """Note the test metrics."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        found = folder.metrics
        told = [Metric("test_accuracy", found["accuracy"], now, 0),
                Metric("test_loss", found["loss"], now, 0),
                *[Metric(f"test_recall/{_plain(label)}", share, now, 0)
                  for label, share in found["recall"].items()]]  # fmt: skip
        self._client.log_batch(self.id, metrics=told)

    def keep(self, folder: ModelFolder) -> None:
        """Keep the model folder's files."""
        for name in (*folder.manifest["files"], "manifest.json"):
            self._client.log_artifact(self.id, str(folder.path / name), "model")

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

    def _noted(self, key: str) -> dict[str, str] | None:
        """
        The run that was begun here before, running again.

        ``None`` if MLflow no longer has it, or it was of another key: then it is at its end.
        """
        from mlflow.exceptions import MlflowException

        try:
            found = json.loads(self._note.read_text(encoding="utf-8"))
            run_id = str(found["run_id"])
        except (OSError, ValueError, KeyError):
            return None
        try:
            if found.get("key", "") != key:
                if self._client.get_run(run_id).info.status == "RUNNING":
                    self._client.set_terminated(run_id, "KILLED")
                return None
            self._client.update_run(run_id, status="RUNNING")
            if "why" in self._client.get_run(run_id).data.tags:  # it had failed, and goes on
                self._client.delete_tag(run_id, "why")
        except MlflowException as error:
            status = int(error.get_http_status_code())
            if status >= 500 or status in ILL:
                raise
            return None
        names = ("run_id", "experiment_id", "key")
        return {name: str(found[name]) for name in names if name in found}

    def _experiment(self, uri: str, name: str) -> str:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(name)
        if found:
            return str(found.experiment_id)
        place = None
        if uri.startswith("sqlite:///"):  # else MLflow would put files below the current folder
            place = Path(uri.removeprefix("sqlite:///")).with_name("mlartifacts").as_uri()
        try:
            return str(self._client.create_experiment(name, artifact_location=place))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another made it meanwhile
                raise
            return str(self._client.get_experiment_by_name(name).experiment_id)


def _plain(label: str) -> str:
    """MLflow allows few signs in names."""
    return "".join(sign if sign.isalnum() or sign in " -_." else "-" for sign in label)
