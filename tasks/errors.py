"""
The three kinds of failure.

    Exception
    ├── Transient   the same call may work: retried, with jitter and Retry-After
    ├── Refused     a gate said no: it would answer the same, so never retried, always explained
    └── (any other) a bug: it crashes, with its traceback
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class Transient(Exception):
    """Infrastructure failed; the same call may work later."""

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[object, ...]:
        return (_transient, (str(self), self.retry_after_s))


class Refused(Exception):
    """A gate said no. ``reasons`` has one sentence for each thing to mend."""

    def __init__(self, message: str, *, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.reasons = reasons

    def __reduce__(self) -> tuple[object, ...]:
        return (_refused, (str(self), self.reasons))


class Independent:
    """Things of which each is tried, whatever becomes of the others."""

    def __init__(self) -> None:
        self._failed: list[Transient | Refused] = []

    @contextlib.contextmanager
    def tried(self) -> Iterator[None]:
        """Keep a failure for the end; a bug crashes at once."""
        try:
            yield
        except (Transient, Refused) as error:
            self._failed.append(error)

    def finish(self) -> None:
        """Raise what failed, if anything did: as the first of it, in the words of all."""
        if self._failed:
            raise type(self._failed[0])("\n".join(map(str, self._failed)))


def _transient(message: str, retry_after_s: float) -> Transient:
    return Transient(message, retry_after_s=retry_after_s)


def _refused(message: str, reasons: tuple[str, ...]) -> Refused:
    return Refused(message, reasons=reasons)
