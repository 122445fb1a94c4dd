"""Images in Blob Storage; the reports of their checks go to the lake, for every machine to see."""

from __future__ import annotations

from pathlib import Path

from data_checks.check import REPORT, Reference, Report
from data_checks.limits import Limits
from tasks.backends.azure.failures import told
from tasks.backends.azure.lake import Lake
from tasks.backends.azure.registry import require_name
from tasks.datasets import OpenedDatasets
from tasks.errors import Refused
from tasks.ports import Watch
from tasks.records import Dataset


class BlobDatasets(OpenedDatasets):
    """
    ``az://container/path``, which the trainer reaches as well.

    Args:
        state: where reports lie on this machine.
    """

    def __init__(self, lake: Lake, state: Path) -> None:
        self._lake, self._state = lake, state

    def identify(self, uri: str, name: str | None) -> Dataset:
        """Look at ``uri`` and digest its content."""
        if not uri.startswith(("az://", "abfss://", "/Volumes/")):
            raise Refused(
                f"{uri} is on this machine, where Databricks cannot read it; copy it to Blob "
                "Storage: az storage blob upload-batch, then --data az://…"
            )
        with told(f"reading {uri}"):
            found = super().identify(uri, name)
        require_name(found.name)
        return found

    def check(
        self, dataset: Dataset, limits: Limits, reference: Reference | None, key: str, watch: Watch
    ) -> Report:
        """Judge every image; the report is copied to the lake."""
        report = super().check(dataset, limits, reference, key, watch)
        self._lake.keep(self._place(key), f"checks/{key}")
        return report

    def reports(self, key: str) -> Path:
        """Folder of the report with that key; fetched, if another machine made it."""
        place = self._place(key)
        if not (place / REPORT).is_file():
            self._lake.fetch(f"checks/{key}", place)
        return place

    def _place(self, key: str) -> Path:
        return self._state / "checks" / key
