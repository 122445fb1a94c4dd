"""The resources of a stand-in, by id, in a file that is written whole: they survive a restart."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any


class Resources:
    """JSON values by identifier; identifiers differ in more than case, as in Azure."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.lock = threading.RLock()
        self._known: dict[str, Any] = {}
        if file.exists():
            self._known = json.loads(file.read_text(encoding="utf-8"))

    def get(self, name: str) -> Any:
        """That resource, or ``None``."""
        return self._known.get(name.lower())

    def identifiers(self) -> list[str]:
        """The identifiers of all, in lower case."""
        return list(self._known)

    def put(self, name: str, value: Any) -> None:
        """Keep a resource."""
        with self.lock:
            self._known[name.lower()] = value
            self._write()

    def remove(self, name: str) -> bool:
        """Forget a resource; say whether there was one."""
        with self.lock:
            was = self._known.pop(name.lower(), None)
            self._write()
            return was is not None

    def below(self, name: str) -> list[Any]:
        """Those directly below ``name``, oldest first."""
        start = name.lower().rstrip("/") + "/"
        with self.lock:
            return [
                value
                for key, value in self._known.items()
                if key.startswith(start) and "/" not in key[len(start) :]
            ]

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps(self._known), encoding="utf-8")
        draft.replace(self._file)
