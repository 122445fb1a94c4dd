"""Parts made by processes of this machine: as they come, in bounded memory, never left behind."""

from __future__ import annotations

import gc
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from model.batch_score.made import Job, Made, make_part
from model.batch_score.parts import Part
from model.orphans import die_with_parent

IN_FLIGHT_A_WORKER = 2
TRACKED = 50_000  # new objects between two looks for garbage: rows of images are none


class WorkerDied(Exception):
    """A process ended in the middle of a part; the message says what may help."""


def in_pool(job: Job, parts: Iterable[Part], *, workers: int) -> Generator[Made, None, None]:
    """
    Make ``parts``, as many at a time as there are ``workers``; one worker is this process.

    Raises:
        WorkerDied: out of memory, or a decoder crashed.
    """
    if workers == 1:
        for part in parts:
            yield make_part(job, part)
        return
    context = multiprocessing.get_context("spawn")  # not by fork: we run beside threads
    try:
        with ProcessPoolExecutor(workers, context, _begin) as pool:
            yield from _killed_if_it_fails(pool, _made(pool, job, parts, workers))
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


def _killed_if_it_fails(pool: ProcessPoolExecutor, found: Iterator[Made]) -> Iterator[Made]:
    """Workers end at once, also where one hangs: what they are at, the next run makes."""
    try:
        yield from found
    except BaseException:
        for process in list((pool._processes or {}).values()):  # kill_workers() of Python 3.14
            process.kill()
        raise


def _begin() -> None:
    """End this process with the one that started it; an interruption is for that to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()
    gc.freeze()
    gc.set_threshold(TRACKED)


def _watch(end: int) -> None:
    multiprocessing.connection.wait([end])
    os._exit(1)
