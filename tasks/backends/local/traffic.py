"""Captured traffic in the folders of the endpoints of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as arrow


class FolderTraffic:
    """Reads ``endpoints/<name>/traffic``, where the services write."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "endpoints"

    def files(self, name: str) -> list[str]:
        """Names of the files that are whole."""
        return sorted(path.name for path in self._of(name).glob("*.parquet"))

    def read(self, name: str, file: str, columns: Sequence[str]) -> arrow.Table | None:
        """Some columns; services remove the oldest files at any moment."""
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        try:
            # As one file: read_table would take a folder, and see a table of folders in the path.
            with parquet.ParquetFile(self._of(name) / file) as opened:
                table: arrow.Table = opened.read(columns=list(columns))
        except (FileNotFoundError, arrow.ArrowInvalid):
            return None
        return table if set(columns) <= set(table.column_names) else None

    def _of(self, name: str) -> Path:
        return self._folder / name / "traffic"
