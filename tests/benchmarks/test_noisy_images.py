"""The images of a benchmark are the same on every machine, and no two of them are alike."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from benchmarks.noisy_images import BLANK_EVERY, ROWS_A_GROUP, Copy, make_images
from model.images import open_images


def images_of(copy: Copy) -> dict[str, bytes]:
    return {row["image"]["path"]: row["image"]["bytes"] for row in copy.read()}


def test_a_repetition_is_always_the_same_and_like_no_other():
    one, again, other = (images_of(Copy(number, 0, 300)) for number in (1, 1, 2))

    assert one == again
    assert len({**one, **other}) == 600
    assert len({*one.values(), *other.values()}) == 600


def test_some_images_are_blank_so_that_there_is_something_to_refuse():
    blank = []
    for number, data in enumerate(images_of(Copy(1, BLANK_EVERY - 100, 200)).values()):
        with Image.open(io.BytesIO(data)) as image:
            blank += [number] if np.ptp(np.asarray(image)) == 0 else []

    assert blank == [99]


def test_they_are_a_data_set_of_small_row_groups(tmp_path):
    images = open_images(str(make_images(ROWS_A_GROUP + 100, tmp_path / "images.parquet")))

    assert len(images) == ROWS_A_GROUP + 100
    assert [len(list(chunk.read())) for chunk in images.chunks()] == [ROWS_A_GROUP, 100]
