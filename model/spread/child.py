"""A process that is never left behind: it ends when who started it ends, however that happens."""

from __future__ import annotations

import os
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from model.orphans import die_with_parent

KEPT_LINES = 40  # of what it said, for the report of its end
ORPHANED = 70


def run_child(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    say: Callable[[str], None],
) -> tuple[int, str]:
    """
    Run a program that calls ``end_with_parent`` first; answer its exit code and its last lines.

    The program's standard input is a pipe that we alone hold open, and never write to. It is closed
    with us, also by ``kill -9``, and its end is what the program waits for.
    """
    process = subprocess.Popen(
        command, env=dict(environment), cwd=folder, text=True, errors="replace",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    last: deque[str] = deque(maxlen=KEPT_LINES)
    try:
        for line in process.stdout or ():
            last.append(line)
            say(line.rstrip("\n"))
        return process.wait(), "".join(last)
    finally:
        process.kill()  # where we were interrupted; nothing, where it has ended
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


def end_with_parent() -> None:
    """
    End this process when the one that started it by ``run_child`` is no more.

    Where it can, the system does it: TensorFlow waits for other workers with the interpreter's lock
    held, and no thread of Python's runs meanwhile. It watches the thread that started us, which
    waits for our end.
    """
    die_with_parent()

    def watch() -> None:
        while os.read(0, 1):
            pass
        os._exit(ORPHANED)

    threading.Thread(target=watch, daemon=True).start()
