"""Images on this machine, or wherever fsspec reaches; reports in the state folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from model.image_files import StorageIll
from tasks.datasets import OpenedDatasets
from tasks.errors import Transient
from tasks.records import Dataset


class FolderDatasets(OpenedDatasets):
    """Keeps the reports of checks in the state folder."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def identify(self, uri: str, name: str | None) -> Dataset:
        """Look at ``uri`` and digest its content."""
        try:
            return super().identify(uri, name)
        except StorageIll as error:
            raise Transient(str(error)) from error

    def reports(self, key: str) -> Path:
        """Folder of the report with that key."""
        return self._state / "checks" / key

    def cancel(self) -> None:
        """Nothing was asked of other machines."""

    def sweep(self, is_awaited: Callable[[str], bool]) -> int:
        """Nothing was asked of other machines."""
        return 0
