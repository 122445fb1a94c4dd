"""Lines about how far a scoring is: often enough to follow, seldom enough to read."""

from __future__ import annotations

import time
from collections.abc import Callable

from model.batch_score.made import Made

EVERY_S, LATEST_S = 2.0, 60.0
SHARE = 0.02  # of all images, after which there is something new to say


class Telling:
    """
    Args:
        images: in all parts.
        say: is told a line at a time.
    """

    def __init__(
        self, images: int, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._images, self._say, self._clock = images, say, clock
        self._began = self._told = clock()
        self._done = self._told_at = self._new = self.kept = 0

    def made(self, made: Made) -> None:
        """One more part is there."""
        self._done += made.images
        self._new += made.images if made.is_new else 0
        self.kept += 0 if made.is_new else 1
        now = self._clock()
        is_news = self._done - self._told_at >= SHARE * self._images
        if now - self._told >= (EVERY_S if is_news else LATEST_S) or self._done == self._images:
            self._say(self._line(now))
            self._told, self._told_at = now, self._done

    def _line(self, now: float) -> str:
        line = f"{self._done:,} of {self._images:,} images"
        if not self._new:
            return line
        rate = self._new / max(now - self._began, 1e-9)
        left_s = (self._images - self._done) / rate
        return f"{line}  {rate:,.0f} images/s  {_clock(left_s)} left"


def _clock(seconds: float) -> str:
    """As a person says it: 8 s, 3 min, 2 h 5 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
