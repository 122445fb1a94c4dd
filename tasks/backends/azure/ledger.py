"""What earlier stages found: a JSON blob for each stage and key, the same for every machine."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from tasks.backends.azure.lake import Lake
from tasks.ports import Watch

Record = TypeVar("Record")
WAIT_S = 3600.0  # for the release before: training in the cloud takes a while


class BlobLedger:
    """Keeps records in the lake; files of a stage stay on this machine."""

    def __init__(self, lake: Lake, state: Path) -> None:
        self._lake, self._state = lake, state

    def recall(self, stage: str, key: str, kind: type[Record]) -> Record | None:
        """The record; ``None`` also for one of an older shape."""
        data = self._lake.read(f"ledger/{stage}/{key}.json")
        if data is None:
            return None
        try:
            return TypeAdapter(kind).validate_json(data)
        except ValidationError:
            return None

    def keep(self, stage: str, key: str, record: object) -> None:
        """Keep ``record`` under ``key``."""
        data = TypeAdapter(type(record)).dump_json(record, indent=1)
        self._lake.write(f"ledger/{stage}/{key}.json", data)

    def room(self, stage: str, key: str) -> Path:
        """A folder for the files of that stage and key."""
        folder = self._state / stage / key
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def exclusive(
        self, what: str, watch: Watch, part: str | None = None, wait_s: float | None = None
    ) -> AbstractContextManager[None]:
        """One command at a time in this container, or in a part of it; a second one waits."""
        patience = WAIT_S if wait_s is None else wait_s
        return self._lake.lock(part or "release", what, watch, patience)

    def is_held(self, part: str) -> bool:
        """Is a command at work on that part, on whatever machine?"""
        return self._lake.is_locked(part)
