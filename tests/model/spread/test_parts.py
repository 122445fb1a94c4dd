"""Which image is whose, by arithmetic alone."""

from __future__ import annotations

import numpy as np
import pytest

from model.config import TrainConfig
from model.share import order_of, parted
from model.spread.parts import images_of, sizes_of, steps_of, worker_of


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
@pytest.mark.parametrize("images", [2, 7, 100, 1001])
def test_each_image_has_one_worker_and_one_place_there(images, workers):
    places = np.arange(images)

    found = worker_of(places, workers)

    assert set(found) <= set(range(workers))
    assert len({*zip(found, places // workers, strict=True)}) == images
    assert np.bincount(found, minlength=workers).tolist() == images_of(workers, images)
    for worker, count in enumerate(images_of(workers, images)):
        assert sorted(places[found == worker] // workers) == list(range(count))


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_images_of_a_class_that_lie_together_are_shared_out_evenly(workers):
    labels = np.repeat(["rare", "frequent"], [100, 900])

    found = worker_of(np.arange(1000), workers)

    rare = np.bincount(found[labels == "rare"], minlength=workers)
    assert max(rare) - min(rare) <= 2


@pytest.mark.parametrize("workers", [2, 4])
def test_classes_that_take_turns_are_not_one_for_each_worker(workers):
    labels = np.arange(10_000) % workers

    found = worker_of(np.arange(10_000), workers)

    shares = np.array([np.bincount(found[labels == n], minlength=workers) for n in range(workers)])
    assert np.all(np.abs(shares * workers * workers / 10_000 - 1) < 0.2)


@pytest.mark.parametrize("images", [[50, 50], [51, 50], [3, 2], [1, 1], [1000, 999, 1001]])
@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_all_workers_make_as_many_steps_and_no_batch_is_empty(images, batch_size):
    steps = steps_of(images, batch_size, devices=1)

    for count in images:
        sizes = sizes_of(count, steps)
        assert sizes.sum() == count
        assert sizes.min() >= 1
        assert sizes.max() - sizes.min() <= 1
        assert sizes.max() <= max(batch_size, 2)


def test_order_and_validation_depend_on_the_worker():
    config = TrainConfig(seed=5)

    for one, other in ((0, 1), (1, 2)):
        assert not np.array_equal(parted(50, config, one)[1], parted(50, config, other)[1])
        places = np.arange(50)
        mine, theirs = (order_of(3, places, 5, worker) for worker in (one, other))
        assert not np.array_equal(mine, theirs)
        assert sorted(mine) == sorted(theirs) == places.tolist()
