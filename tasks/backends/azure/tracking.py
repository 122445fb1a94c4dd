"""MLflow in the Databricks workspace: what a run tells it, by the identity of the run itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from model.far_run import UNTOLD
from model.tracking import NOTE
from tasks.backends.azure.settings import AzureSettings
from tasks.records import Candidate


@dataclass(frozen=True)
class Tracking:
    """Whether, where, and under what name runs are told to MLflow."""

    settings: AzureSettings

    @property
    def words(self) -> list[str]:
        """Of the trainer's command; ``databricks`` is the workspace that the run is in."""
        return ["--tracking-uri", self.settings.tracking] if self.settings.tracking else []

    def experiment(self, dataset: str) -> str:
        """Workspaces know experiments by their paths."""
        return (self.settings.experiment or f"/Shared/{dataset}") if self.words else dataset

    def shown(self, candidate: Candidate) -> Candidate:
        """The same, with the page of its MLflow run."""
        try:
            noted = json.loads((candidate.folder / NOTE).read_text(encoding="utf-8"))
            experiment, number = str(noted["experiment_id"]), str(noted["run_id"])
        except (OSError, ValueError, KeyError):
            return candidate
        host = self.settings.databricks_host
        return replace(
            candidate,
            tracking_run=number,
            tracking_page=f"https://{host}/ml/experiments/{experiment}/runs/{number}",
        )


def untold(folder: Path) -> list[str]:
    """What MLflow never took of the run that left ``folder``, each with its reason."""
    file = folder / UNTOLD
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []
