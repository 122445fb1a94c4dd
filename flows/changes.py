"""What setup did to one object of Prefect: made it, changed it, or left it alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Did = Literal["made", "changed", "removed", "as it was", "left out"]


@dataclass(frozen=True)
class Change:
    """One object, and what became of it."""

    did: Did
    kind: str
    name: str
    why: str = ""

    @property
    def is_one(self) -> bool:
        """Is something other than before?"""
        return self.did in ("made", "changed", "removed")


def changed(kind: str, name: str, *, is_there: bool, other: Sequence[str] = ()) -> Change:
    """Say what became of an object that ``is_there`` and had ``other`` values."""
    if not is_there:
        return Change("made", kind, name)
    return Change("changed", kind, name, ", ".join(other)) if other else Change(
        "as it was", kind, name
    )  # fmt: skip


def left_out(kind: str, name: str, why: str) -> Change:
    """It cannot be made; this is why."""
    return Change("left out", kind, name, why)
