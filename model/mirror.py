"""
A second place of a model folder that grows: where a trainer's machine is gone when it ends.

The trainer works on its own disk, for a mounted volume takes no appended and no scattered writes,
and copies each file that changed, whole, after each epoch. The manifest is copied last, so where it
is, all is. The next trainer begins with what it finds there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from model.folder import MANIFEST

LEFT_OUT = {"scratch"}  # decoded pixels: made anew more quickly than copied


class Mirror:
    """
    Args:
        folder: that grows, on this machine.
        place: its copy: a folder that is mounted here.
    """

    def __init__(self, folder: Path, place: Path) -> None:
        self._folder, self.place = folder, place
        self._copied: dict[str, tuple[int, int]] = {}

    def pull(self) -> None:
        """
        Begin with what an earlier trainer left.

        Where nothing is, the run was never made, or is to be forgotten: then what the same machine
        still has of it is removed.
        """
        names = _names(self.place)
        if not names:
            shutil.rmtree(self._folder, ignore_errors=True)
        for name in names:
            _copy(self.place / name, self._folder / name)
            self._copied[name] = _stamp(self._folder / name)

    def push(self) -> None:
        """Copy what changed since the last time."""
        names = sorted(_names(self._folder), key=lambda name: (name == MANIFEST, name))
        for name in names:
            stamp = _stamp(self._folder / name)
            if self._copied.get(name) != stamp:
                _copy(self._folder / name, self.place / name)
                self._copied[name] = stamp


def _names(folder: Path) -> list[str]:
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return [name.as_posix() for name in files if LEFT_OUT.isdisjoint(name.parts)]


def _stamp(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_mtime_ns, found.st_size


def _copy(source: Path, target: Path) -> None:
    """Whole or not at all, also if the machine is taken away meanwhile."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.part")
    shutil.copyfile(source, draft)
    draft.replace(target)
