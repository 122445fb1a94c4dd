"""Follows what the chief of the workers writes, while Spark runs them: one voice tells it all."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from model.checkpoint import Progress

EVERY_S = 0.5
Done = TypeVar("Done")


class Follower:
    """
    Tells of each epoch once.

    Args:
        file: ``progress.jsonl``, which is written whole after each epoch.
    """

    def __init__(self, file: Path, tell: Callable[[Progress], None]) -> None:
        self._file, self._tell = file, tell
        self._told = 0

    def begin(self, progress: Progress) -> None:
        """Tell of what an earlier run has done."""
        self._told = progress.epoch
        self._tell(progress)

    def look(self) -> None:
        """Tell of the epochs that were finished since."""
        history = _history(self._file)
        while self._told < len(history):
            self._told += 1
            self._tell(progress_of(history[: self._told]))


def while_it_runs(
    work: Callable[[], Done], look: Callable[[], None], end: Callable[[], None]
) -> Done:
    """
    The answer of ``work``, which runs in a thread; ``look`` is called all the while, and after it.

    Args:
        end: ends ``work``; called when ``look`` failed, or we were interrupted, and again until
            ``work`` has ended: Spark ends what has begun, and not what is about to.
    """
    ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(work)
        job.add_done_callback(lambda _: ended.set())
        try:
            while not ended.wait(EVERY_S):
                look()
            look()
        except BaseException as first:
            _end(end, ended, first)
            raise
        return job.result()


def _end(end: Callable[[], None], ended: threading.Event, first: BaseException) -> None:
    """Until it has ended; what hinders that is noted on the error that counts."""
    while not ended.is_set():
        try:
            end()
        except Exception as error:  # noqa: BLE001 (noted; the first error is raised)
            note = f"the work could not be ended at once: {error}"
            if note not in getattr(first, "__notes__", ()):
                first.add_note(note)
        ended.wait(EVERY_S)


def progress_of(history: list[dict[str, float]]) -> Progress:
    """The progress that these epochs amount to."""
    best, best_epoch = math.inf, 0
    for at, measures in enumerate(history, start=1):
        if measures["val_loss"] < best:
            best, best_epoch = measures["val_loss"], at
    return Progress(len(history), best_epoch, history)


def _history(file: Path) -> list[dict[str, float]]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    found: list[dict[str, Any]] = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:  # of a mounted folder, half of a file may be seen
            break
    return found
