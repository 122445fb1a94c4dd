"""Evidence as it lies in the state folder. Nothing heavy is imported: ``status`` uses it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError


@dataclass(frozen=True)
class Kept:
    """What can be read of it again; ``flows.evidence.Evidence`` says more."""

    kind: str
    ended: datetime
    outcome: str
    why: str
    digests: dict[str, str]  # path or URI → digest

    @property
    def version(self) -> tuple[str, str]:
        """Name and number of the version that it made or found; empty if it came to none."""
        for what in reversed(self.digests):
            kind, _, named = what.partition(":")
            if kind == "version":
                name, _, number = named.rpartition("/")
                return name, number
        return "", ""


def read_evidence(file: Path) -> Kept | None:
    """The evidence in ``file``; ``None`` for a file that is damaged, or of another kind."""
    try:
        return TypeAdapter(Kept).validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def newest_first(state: Path) -> Iterator[tuple[Path, Kept]]:
    """The evidence in the state folder, read as it is asked for: there may be much of it."""
    for file in sorted((state / "evidence").glob("*.json"), reverse=True):
        if kept := read_evidence(file):
            yield file, kept
