"""What earlier stages found: a JSON file for each stage and key, below the state folder."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from tasks.ports import Watch
from tasks.state import is_held, only_one, write_whole

Record = TypeVar("Record")

WAIT_S = 900.0  # for the command before: a release of a full data set takes some minutes


class FileLedger:
    """Keeps records as files that are written whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def recall(self, stage: str, key: str, kind: type[Record]) -> Record | None:
        """The record; ``None`` also for a file that is damaged or of an older shape."""
        path = self._folder / stage / f"{key}.json"
        try:
            return TypeAdapter(kind).validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None

    def keep(self, stage: str, key: str, record: object) -> None:
        """Keep ``record`` under ``key``."""
        text = TypeAdapter(type(record)).dump_json(record, indent=1).decode()
        write_whole(self._folder / stage / f"{key}.json", text)

    def room(self, stage: str, key: str) -> Path:
        """A folder for the files of that stage and key."""
        folder = self._folder / stage / key
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def exclusive(
        self, what: str, watch: Watch, part: str | None = None, wait_s: float | None = None
    ) -> AbstractContextManager[None]:
        """One command at a time on this state folder, or on a part of it; a second one waits."""
        folder = self._folder / part if part else self._folder
        folder.mkdir(parents=True, exist_ok=True)
        patience = WAIT_S if wait_s is None else wait_s
        return only_one(folder, what=what, wait_s=patience, tell=watch)

    def is_held(self, part: str) -> bool:
        """Is a command at work on that part?"""
        return is_held(self._folder / part)
