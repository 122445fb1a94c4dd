"""The images stay those of a digest while they are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Changed(ValueError):
    """The images are no more those that were to be judged."""


class Unchanged:
    """
    To be made before the images are looked at, and called afterwards.

    All bytes are read for a digest, so that is done once: before, where a mark of the listing then
    tells that nothing changed; else afterwards.

    Args:
        opener: opens a data set anew.
        opened: the data set of ``uri`` whose images are looked at; it may have a ``mark()``.
        digest: what it was when it was asked for.

    Raises:
        Changed: it is another one now; also when it is called.
    """

    def __init__(self, opener: Callable[[str], Any], uri: str, opened: Any, digest: str) -> None:
        self._opener, self._uri, self._digest = opener, uri, digest
        self._mark = _mark_of(opened)
        if self._mark is not None:
            self._compare(opened)

    def __call__(self) -> None:
        again = self._opener(self._uri)
        if self._mark is None or _mark_of(again) != self._mark:
            self._compare(again)

    def _compare(self, opened: Any) -> None:
        if (digest := opened.digest()) != self._digest:
            raise Changed(f"{self._uri} changed since: its digest was {self._digest[:12]}, and is "
                          f"{digest[:12]}; start the release again")  # fmt: skip


def _mark_of(opened: Any) -> str | None:
    found: str | None = opened.mark() if hasattr(opened, "mark") else None
    return found
