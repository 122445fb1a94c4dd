"""What a doctor found, with its cure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One check: what was found, and what to do if it is not well."""

    name: str
    is_well: bool
    found: str
    cure: str = ""
