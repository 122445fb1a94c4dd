"""How far the workers are, told while the driver waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TELL_EVERY_S = 1.0


@contextmanager
def telling(done: Callable[[], int], progress: Callable[[int], None] | None) -> Iterator[None]:
    """Tell ``progress`` now and then what is ``done``, from a thread, and at the end from here."""
    if progress is None:
        yield
        return
    ended = threading.Event()

    def tell() -> None:
        last = 0
        while not ended.wait(TELL_EVERY_S):
            if (now := done()) > last:
                last = now
                progress(now)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join()
    progress(done())


class Union:
    """Accumulates dictionaries: a task that runs twice says the same twice."""

    def zero(self, value: dict[int, int]) -> dict[int, int]:
        """None yet."""
        return {}

    def addInPlace(self, one: dict[int, int], other: dict[int, int]) -> dict[int, int]:  # noqa: N802
        """As Spark calls it."""
        one.update(other)
        return one
