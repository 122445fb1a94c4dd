"""
Micro-batches without a timer: what arrived in one turn of the event loop is answered in one call.

Requests that wait while the model works form the next batch, so batches grow with the load and a
lone request never waits for company. A quick model works in the event loop itself, where it costs
no change of thread; a slow one in threads, so that the service stays ready meanwhile.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.serve.problems import overloaded

MOST_IN_A_BATCH = 32
CROWDED = 7 / 8  # of the queue

Pixels = NDArray[np.uint8]
Rows = NDArray[np.float32]
Predict = Callable[[Pixels], Rows]
Answered = tuple[Rows, list[Any]]  # probabilities, and what is said of them, an image each
Answering = Callable[[Pixels], Answered]
Waiting = tuple[Pixels, "asyncio.Future[Answered]"]


class Batches:
    """
    A bounded queue in front of a model.

    Args:
        lanes: each answers one batch at a time.
        queue_images: that may wait; more are refused.
        note: is told the size of each batch.
        pool: threads for the lanes; without one, they work in the event loop.
    """

    def __init__(
        self,
        lanes: list[Answering],
        *,
        queue_images: int,
        note: Callable[[int], None],
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        self._idle = lanes
        self._most = queue_images
        self._note = note
        self._pool = pool
        self._waiting: deque[Waiting] = deque()
        self._is_due = False
        self.images = 0

    @property
    def is_crowded(self) -> bool:
        """Is the queue all but full? Whoever comes now is better refused before it is read."""
        return self.images >= CROWDED * self._most

    def require_room(self, images: int) -> None:
        """Raise Problem, 503, if so many more cannot wait; it is cheaper told before decoding."""
        if self.images + images > self._most:
            raise overloaded(f"{self.images} images wait already; try again")

    def submit(self, pixels: Pixels) -> asyncio.Future[Answered]:
        """
        Queue the images of one request, shape (images, height, width, channels).

        Raises:
            Problem: 503, the queue is full.
        """
        self.require_room(len(pixels))
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answered] = loop.create_future()
        self._waiting.append((pixels, future))
        self.images += len(pixels)
        self._wake(loop)
        return future

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._is_due and self._idle:
            self._is_due = True
            loop.call_soon(self._work, loop)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_due = False
        batch = self._next()
        if not batch:
            return
        answer = self._idle.pop()
        pixels = batch[0][0] if len(batch) == 1 else np.concatenate([each[0] for each in batch])
        self._note(len(pixels))
        if self._pool is None:
            self._settle(batch, _outcome(answer, pixels))
            self._idle.append(answer)
        else:
            task = loop.run_in_executor(self._pool, _outcome, answer, pixels)
            task.add_done_callback(lambda done: self._came_back(answer, batch, done.result()))
        if self._waiting:
            self._wake(loop)

    def _next(self) -> list[Waiting]:
        """The requests for the next batch, without those whose callers went away."""
        batch: list[Waiting] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0][0]) <= MOST_IN_A_BATCH):
            each = self._waiting.popleft()
            self.images -= len(each[0])
            if not each[1].done():
                batch.append(each)
                size += len(each[0])
        return batch

    def _came_back(self, answer: Answering, batch: list[Waiting], outcome: Any) -> None:
        self._idle.append(answer)
        self._settle(batch, outcome)
        if self._waiting:
            self._wake(asyncio.get_running_loop())

    @staticmethod
    def _settle(batch: list[Waiting], outcome: Answered | Exception) -> None:
        first = 0
        for pixels, future in batch:
            last = first + len(pixels)
            if future.done():
                pass
            elif isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                rows, said = outcome
                future.set_result((rows[first:last], said[first:last]))
            first = last


def _outcome(answer: Answering, pixels: Pixels) -> Answered | Exception:
    """The answers, or the error: every waiting request has to hear of it."""
    try:
        return answer(pixels)
    except Exception as error:  # noqa: BLE001 (handed on to each request, whose handler logs it)
        return error
