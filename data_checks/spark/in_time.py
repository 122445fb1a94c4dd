"""A limit for what may hang: in Python, or in a library that lets nothing of Python run."""

from __future__ import annotations

import faulthandler
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

LATER_S: Final = 5.0  # than what can still be told in words, the process ends
Done = TypeVar("Done")


class Hung(Exception):
    """It was not done in time."""


class InTime:
    """
    Does work for so long at most; it is left behind in its thread if it hangs.

    If it hangs with the interpreter's lock held, no thread of Python's runs, and no handler of a
    signal: a thread in C ends the process then. It writes to ``note`` before, for the next attempt.

    Args:
        note: a file, made for as long as this goes on.
        most_seconds: of each piece of work.
    """

    def __init__(self, note: Path, most_seconds: float) -> None:
        self._note, self._most_seconds = note, most_seconds

    def __enter__(self) -> InTime:
        if self._note.exists() and self._note.stat().st_size:
            raise Hung  # and would again
        self._file = self._note.open("wb")
        return self

    def __exit__(self, *_: object) -> None:
        faulthandler.cancel_dump_traceback_later()
        self._file.close()
        self._note.unlink(missing_ok=True)

    def __call__(self, work: Callable[[], Done]) -> Done:
        """What ``work`` makes. Raises Hung, or whatever it raises."""
        done: queue.SimpleQueue[tuple[Done | None, Exception | None]] = queue.SimpleQueue()

        def attempt() -> None:
            try:
                done.put((work(), None))
            except Exception as error:  # noqa: BLE001 (raised in the other thread)
                done.put((None, error))

        faulthandler.dump_traceback_later(
            self._most_seconds + LATER_S, exit=True, file=self._file.fileno()
        )
        threading.Thread(target=attempt, daemon=True).start()
        try:
            found, error = done.get(timeout=self._most_seconds)
        except queue.Empty:
            raise Hung from None
        finally:
            faulthandler.cancel_dump_traceback_later()
        if error:
            raise error
        return found  # type: ignore[return-value]
