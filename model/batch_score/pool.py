"""Parts made by processes of this machine: as they come, in bounded memory, never left behind."""

from __future__ import annotations

import gc
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

from model.batch_score.made import Job, Made, make_part
from model.batch_score.parts import Part

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

IN_FLIGHT_A_WORKER = 2
TRACKED = 50_000  # new objects between two looks for garbage: rows of images are none


class WorkerDied(Exception):
    """A process ended in the middle of a part; the message says what may help."""


def in_pool(job: Job, parts: Iterable[Part], *, workers: int) -> Iterator[Made]:
    """
    Make ``parts``, as many at a time as there are ``workers``; one worker is this process.

    Raises:
        WorkerDied: out of memory, or a decoder crashed.
    """
    if workers == 1:
        for part in parts:
            yield make_part(job, part)
        return
    # Not by fork: we run beside threads. A worker must not outlive us, however we end.
    context = multiprocessing.get_context("spawn")
    until, still = context.Pipe(duplex=False)
    try:
        with ProcessPoolExecutor(workers, context, _begin, (until,)) as pool:
            yield from _closing_if_it_fails(still, _made(pool, job, parts, workers))
    except BrokenProcessPool as error:
        raise WorkerDied(
            "a process that scored images died: out of memory, or an image crashed the decoder; "
            "the same command goes on, with fewer --workers in less memory"
        ) from error


def _made(
    pool: ProcessPoolExecutor, job: Job, parts: Iterable[Part], workers: int
) -> Iterator[Made]:
    pending: set[Future[Made]] = set()
    for part in parts:
        pending.add(pool.submit(make_part, job, part))
        if len(pending) >= workers * IN_FLIGHT_A_WORKER:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            yield from (each.result() for each in done)
    while pending:
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        yield from (each.result() for each in done)


def _closing_if_it_fails(still: Connection, found: Iterator[Made]) -> Iterator[Made]:
    """Workers end at once when ``still`` is closed: what they are at, the next run makes."""
    try:
        yield from found
    except BaseException:
        still.close()
        raise


def _begin(until: Connection) -> None:
    """End this process when the pool ends, and with us; an interruption is for us to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    ends: list[Any] = [until] if parent is None else [until, parent.sentinel]

    def watch() -> None:
        multiprocessing.connection.wait(ends)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    gc.freeze()
    gc.set_threshold(TRACKED)
