"""A pool of processes over chunks of images: in order, in bounded memory, and never left behind."""

from __future__ import annotations

import ctypes
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final, TypeVar

from data_checks.facts import Chunk

IN_FLIGHT_A_WORKER = 3
DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG
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
    context = multiprocessing.get_context("spawn")  # not by fork: we run beside threads
    most = workers * IN_FLIGHT_A_WORKER
    try:
        with ProcessPoolExecutor(workers, context, _end_with_parent) as pool:
            yield from _killed_if_it_fails(pool, _asked(pool, chunks, work, most))
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


def _killed_if_it_fails(pool: ProcessPoolExecutor, found: Iterator[Done]) -> Iterator[Done]:
    """The pool would wait for a worker that hangs, without end; no word would reach it, either."""
    try:
        yield from found
    except BaseException:
        for process in list((pool._processes or {}).values()):  # kill_workers() of Python 3.14
            process.kill()
        raise


def _end_with_parent() -> None:
    """
    End this process with the one that started it, however that ends.

    Where it can, the system does it: an image may hang its decoder with the interpreter's lock
    held, and no thread of Python's runs meanwhile. It watches the thread that started us, which
    waits for what we find.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(end: int) -> None:
    multiprocessing.connection.wait([end])
    os._exit(1)
