"""A data set in parts: each image in one of them, in order, wherever chunks begin and end."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from model.batch_score.parts import MOST_BYTES, SLICES, part_size, parts_of
from model.images import ImageSet, RawImage, open_images
from tests.conftest import encoded, picture


def as_table(place: Path, *, rows: int = 1000, group: int = 300) -> str:
    images = [encoded(picture(at)) for at in range(40)]
    columns = {
        "image": [images[at % 40] for at in range(rows)],
        "label": [f"{at % 3}" for at in range(rows)],
        "split": [("train", "test", None)[at % 3] for at in range(rows)],
    }
    parquet.write_table(arrow.table(columns), place / "x.parquet", row_group_size=group)
    return str(place / "x.parquet")


def as_idx(place: Path) -> str:
    pixels = np.random.default_rng(3).integers(0, 256, (1000, 4, 4), np.uint8)
    head = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in pixels.shape)
    (place / "all-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + pixels.tobytes()))
    labels = bytes(at % 3 for at in range(1000))
    (place / "all-labels-idx1-ubyte").write_bytes(
        b"\0\0\x08\x01" + (1000).to_bytes(4, "big") + labels
    )
    return str(place)


def as_folders(place: Path) -> str:
    for at in range(600):
        to = place / f"{at % 2}" / f"{at}.png"
        to.parent.mkdir(exist_ok=True)
        to.write_bytes(encoded(picture(at % 20)))
    return str(place)


KINDS = {"parquet": as_table, "idx": as_idx, "class folders": as_folders}


@pytest.fixture(scope="module", params=KINDS)
def images(request, tmp_path_factory) -> ImageSet:
    found = open_images(KINDS[request.param](tmp_path_factory.mktemp("images")))
    assert found.kind == request.param
    return found


def all_of(images: ImageSet, split: str | None = None) -> list[RawImage]:
    return [image for chunk in images.chunks() for image in chunk.read(split)]


@pytest.mark.parametrize("split", [None, "train", "test"])
@pytest.mark.parametrize("size", [1, 7, 256, 300, 999, 5000])
def test_each_image_is_in_one_part_and_in_its_place(images, size, split):
    parts = list(parts_of(images, size))

    read = [image for part in parts for image in part.read(split)]

    assert read == all_of(images, split)
    assert [part.number for part in parts] == list(range(len(parts)))
    assert {part.images for part in parts[:-1]} <= {size}
    assert sum(part.images for part in parts) == len(images)


def test_a_cut_may_be_cut_again(images):
    chunk = next(iter(images.chunks()))
    whole = list(chunk.read())

    assert list(chunk.some(10, 200).some(5, 90).read()) == whole[15:100]


def test_the_size_is_that_of_the_data_and_of_the_classes(images):
    assert part_size(images, 10) == part_size(images, 11) == 2048
    assert part_size(images, 100_000) * 100_000 * 4 <= MOST_BYTES
    assert part_size(images, 10**9) == 1


def test_a_large_row_group_is_read_from_its_start_a_few_times_only(tmp_path):
    rows = 64_000
    columns = {"image": [b"x"] * rows, "label": ["a"] * rows}
    parquet.write_table(arrow.table(columns), tmp_path / "x.parquet", row_group_size=rows)
    images = open_images(str(tmp_path / "x.parquet"))

    assert len(list(parts_of(images, part_size(images, 10)))) == SLICES
