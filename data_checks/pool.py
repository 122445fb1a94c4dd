"""A pool of processes over chunks of images: in order, in bounded memory, and never left behind."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, TypeVar

from data_checks.facts import Chunk

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

IN_FLIGHT_A_WORKER = 3
MOST_SECONDS_A_CHUNK = 900  # some hundred images: beyond it the storage hangs
DIED = (
    "a process that looked at images died: out of memory, or an image crashed the decoder; "
    "free memory, or take out images that were added last"
)
Done = TypeVar("Done")


class FactsFailed(RuntimeError):
    """A worker died or hung while it looked at images; the message says what may help."""


def in_order(
    chunks: Iterable[Chunk], work: Callable[[Chunk], Done], *, workers: int
) -> Iterator[Done]:
    """
    What ``work`` makes of each chunk, in their order; processes of a pool do it.

    At most ``IN_FLIGHT_A_WORKER`` chunks a worker are asked for or kept, however many there are.

    Raises:
        FactsFailed: a worker died or hung.
    """
    # Not by fork: we run beside threads. A worker must not outlive us, however we end.
    context = multiprocessing.get_context("spawn")
    until, still = context.Pipe(duplex=False)
    most = workers * IN_FLIGHT_A_WORKER
    try:
        with ProcessPoolExecutor(workers, context, _end_with_parent, (until,)) as pool:
            yield from _closing_if_it_fails(still, _asked(pool, chunks, work, most))
    except BrokenProcessPool as error:
        raise FactsFailed(DIED) from error
    except TimeoutError as error:
        raise FactsFailed(hung(MOST_SECONDS_A_CHUNK)) from error


def hung(most_seconds: float) -> str:
    """What to say of images that could not be looked at in time."""
    return (
        f"some images could not be looked at within {most_seconds:g} s; does the storage that they "
        "lie on answer?"
    )


def _asked(
    pool: ProcessPoolExecutor, chunks: Iterable[Chunk], work: Callable[[Chunk], Done], most: int
) -> Iterator[Done]:
    pending: deque[Future[Done]] = deque()
    for chunk in chunks:
        pending.append(pool.submit(work, chunk))
        if len(pending) >= most:
            yield pending.popleft().result(MOST_SECONDS_A_CHUNK)
    while pending:
        yield pending.popleft().result(MOST_SECONDS_A_CHUNK)


def _closing_if_it_fails(still: Connection, found: Iterator[Done]) -> Iterator[Done]:
    """Workers end when ``still`` is closed: the pool would wait for one that hangs, without end."""
    try:
        yield from found
    except BaseException:
        still.close()
        raise


def _end_with_parent(until: Connection) -> None:
    """End this process when the pool ends, even if an image or its storage hangs, and with us."""
    parent = multiprocessing.parent_process()
    ends: list[Any] = [until] if parent is None else [until, parent.sentinel]

    def watch() -> None:
        multiprocessing.connection.wait(ends)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
