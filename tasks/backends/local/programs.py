"""One of our programs, many runs: each known by the folder or URL that it writes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psutil

from tasks.backends.local.processes import end, running, start_detached, why_it_ended

PATIENCE_S = 10.0


class Programs:
    """
    Detached processes of ``python -m module … at …``.

    Args:
        what: the program as a person calls it.
    """

    def __init__(self, module: str, what: str) -> None:
        self.module, self.what = module, what
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self, at: str, command: list[str], log: Path, environment: Mapping[str, str] = os.environ
    ) -> None:
        """Begin a run that writes ``at``, which is a word of ``command``."""
        self._children[at] = start_detached(command, log, environment)

    def running(self, at: str) -> list[psutil.Process]:
        """Its living processes, whoever began them."""
        return running(self.module, at)

    def is_alive(self, at: str) -> bool:
        """Does it go on?"""
        if child := self._children.get(at):
            return child.poll() is None
        return bool(self.running(at))

    def end(self, at: str) -> int:
        """End it if it runs; say how many processes."""
        found = self.running(at)
        for process in found:
            end(process, patience_s=PATIENCE_S)
        return len(found)

    def exit_code(self, at: str) -> int | None:
        """Of a run that we began and that ended."""
        child = self._children.pop(at, None)
        return child.returncode if child else None

    def why_it_ended(self, at: str, log: Path) -> Exception:
        """What to raise when it ended without what it should have made."""
        return why_it_ended(self.what, self.exit_code(at), log)


def words_of(process: psutil.Process) -> list[str]:
    """Its command; nothing if it is gone."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []
