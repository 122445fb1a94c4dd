"""Micro-batches: together where they arrive together, in order, bounded, and never stuck."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from model.serve.batches import MOST_IN_A_BATCH, Batches
from model.serve.problems import Problem


def images(*values: int) -> np.ndarray:
    return np.array(values, np.uint8).reshape(-1, 1, 1, 1)


def doubled(pixels: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Rows of twice the value, and the value as what is said of it."""
    return pixels.reshape(-1, 1) * 2.0, pixels.ravel().tolist()


def test_requests_of_one_turn_share_a_batch_and_get_their_own_rows():
    sizes: list[int] = []

    async def ask():
        batches = Batches([doubled], queue_images=100, note=sizes.append)
        return await asyncio.gather(*[batches.submit(images(n, n + 1)) for n in range(8)])

    rows = asyncio.run(ask())

    assert sizes == [16]
    assert [found.ravel().tolist() for found, _ in rows] == [[2 * n, 2 * n + 2] for n in range(8)]
    assert [said for _, said in rows] == [[n, n + 1] for n in range(8)]


def test_a_batch_has_a_most_and_the_rest_follows():
    sizes: list[int] = []

    async def ask():
        batches = Batches([doubled], queue_images=1000, note=sizes.append)
        await asyncio.gather(*[batches.submit(images(1)) for _ in range(2 * MOST_IN_A_BATCH + 3)])

    asyncio.run(ask())

    assert sizes == [MOST_IN_A_BATCH, MOST_IN_A_BATCH, 3]


def test_a_full_queue_refuses_with_the_time_to_come_again():
    async def ask():
        batches = Batches([doubled], queue_images=10, note=lambda _: None)
        first = batches.submit(images(*range(8)))
        with pytest.raises(Problem) as refused:
            batches.submit(images(1, 2, 3))
        await first
        await batches.submit(images(1, 2, 3))  # there is room again
        return refused.value

    problem = asyncio.run(ask())

    assert problem.status == 503
    assert dict(problem.headers)[b"retry-after"] == b"1"


def test_a_queue_is_crowded_before_it_is_full():
    async def ask():
        batches = Batches([doubled], queue_images=16, note=lambda _: None)
        told = [batches.is_crowded]
        waiting = [batches.submit(images(*range(7))) for _ in range(2)]
        told.append(batches.is_crowded)
        batches.require_room(2)
        with pytest.raises(Problem):
            batches.require_room(3)
        await asyncio.gather(*waiting)
        return [*told, batches.is_crowded]

    assert asyncio.run(ask()) == [False, True, False]


def test_an_error_of_the_model_reaches_every_request_and_the_next_batch_works():
    calls = iter([ValueError("broken"), None])

    def sometimes(pixels):
        if error := next(calls):
            raise error
        return doubled(pixels)

    async def ask():
        batches = Batches([sometimes], queue_images=10, note=lambda _: None)
        both = await asyncio.gather(
            batches.submit(images(1)), batches.submit(images(2)), return_exceptions=True
        )
        return both, await batches.submit(images(3))

    (first, second), third = asyncio.run(ask())

    assert str(first) == str(second) == "broken"
    assert third[0].tolist() == [[6.0]]


def test_a_request_whose_caller_went_away_is_not_computed():
    seen: list[int] = []

    def noting(pixels):
        seen.extend(pixels.ravel().tolist())
        return doubled(pixels)

    async def ask():
        batches = Batches([noting], queue_images=10, note=lambda _: None)
        gone, stays = batches.submit(images(1)), batches.submit(images(2))
        gone.cancel()
        await stays
        return batches.images

    assert asyncio.run(ask()) == 0
    assert seen == [2]


def test_slow_models_work_in_threads_as_many_as_there_are_lanes():
    both = threading.Barrier(2, timeout=10)

    def together(pixels):
        both.wait()  # passes only if two work at the same time
        return doubled(pixels)

    async def ask():
        with ThreadPoolExecutor(2) as pool:
            batches = Batches([together] * 2, queue_images=99, note=lambda _: None, pool=pool)
            wide = [batches.submit(images(*[n] * MOST_IN_A_BATCH)) for n in range(2)]
            return await asyncio.gather(*wide)

    rows = asyncio.run(ask())

    assert [float(found[0, 0]) for found, _ in rows] == [0.0, 2.0]
