"""A report, brought to where it stays: perhaps a mounted volume, which takes whole files only."""

from __future__ import annotations

import shutil
from pathlib import Path

from data_checks.check import REPORT


def deliver(folder: Path, out: Path) -> None:
    """
    Copy all files of ``folder`` to ``out``, the report last: it vouches for the rest.

    What lies in ``out`` already, as facts that others wrote, stays.
    """
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    for name in sorted(files, key=lambda name: (name.as_posix() == REPORT, name)):
        _copy(folder / name, out / name)


def _copy(source: Path, target: Path) -> None:
    """Whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.part")
    shutil.copyfile(source, draft)
    draft.replace(target)
