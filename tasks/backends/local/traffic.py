"""Captured traffic in the folders of the endpoints of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.ports import Watch

if TYPE_CHECKING:
    import httpx
    import pyarrow as arrow


class FolderTraffic:
    """Reads ``endpoints/<name>/traffic``, where the services write."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "endpoints"

    def fetch(self, name: str, watch: Watch) -> None:
        """It is here."""

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
        except (OSError, arrow.ArrowInvalid):  # gone, or damaged
            return None
        return table if set(columns) <= set(table.column_names) else None

    def asking(self, url: str) -> httpx.Client:
        """Services of this machine want no key, and no proxy leads to them."""
        import httpx

        return httpx.Client(base_url=url, timeout=10, trust_env=False)

    def _of(self, name: str) -> Path:
        return self._folder / name / "traffic"
