"""Following what a detached program says in a file, a line at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tasks.ports import Watch

PAUSE_S = 0.2


def follow(told: Mapping[Path, Watch], is_alive: Callable[[], bool]) -> None:
    """Tell every line of each file to whom it is for, until the program that writes has ended."""
    files = [(Lines(path), watch) for path, watch in told.items()]

    def look() -> None:
        for lines, watch in files:
            for line in lines.fresh():
                watch(line)

    while is_alive():
        look()
        time.sleep(PAUSE_S)
    look()


class Lines:
    """Reads new lines of a file that grows; half a line waits until it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = 0

    def fresh(self) -> Iterator[str]:
        """Lines that were written since the last call."""
        try:
            with self._path.open("rb") as stream:
                if 0 < stream.seek(0, os.SEEK_END) < self._seen:  # another run began it anew
                    self._seen = 0
                stream.seek(self._seen)
                lines = stream.read().splitlines(keepends=True)
        except OSError:
            return
        for line in lines:
            if line.endswith(b"\n"):
                self._seen += len(line)
                yield line.decode(errors="replace").rstrip("\n")
