"""The facts table: right, in bounded memory, and whole or not at all."""

from __future__ import annotations

import hashlib
import os
import resource

import numpy as np
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from data_checks.facts import COLUMNS, facts_of, perceptual_hash
from data_checks.table import FactsFailed, facts_table
from model.images import RawImage, open_images
from tests.conftest import encoded, picture


def facts(image: Image.Image, kind: str = "PNG") -> dict:
    return facts_of(RawImage("a", "cat", "train", encoded(image, kind)))


def test_a_row_says_what_the_image_is():
    data = encoded(picture(1, height=20, width=30, channels=3))

    row = facts_of(RawImage("train/cat/1.png", "cat", "train", data))

    assert row.keys() == COLUMNS.keys()
    assert (row["format"], row["height"], row["width"], row["channels"]) == ("PNG", 20, 30, 3)
    assert row["bytes"] == len(data)
    assert row["file_sha256"] == hashlib.sha256(data).hexdigest()
    pixels = np.asarray(picture(1, height=20, width=30, channels=3))
    assert row["mean"] == pytest.approx(pixels.mean(), abs=0.01)


def test_the_digest_of_pixels_is_the_same_in_any_lossless_format():
    image = picture(1)

    assert facts(image)["pixel_sha256"] == facts(image, "BMP")["pixel_sha256"]
    assert facts(image)["file_sha256"] != facts(image, "BMP")["file_sha256"]


def test_bare_intensities_have_the_facts_of_the_same_file():
    image = picture(1)
    raw = RawImage("a", "cat", "train", np.asarray(image).tobytes(), raw_shape=(16, 16, 1))

    same = ("height", "width", "channels", "mean", "deviation", "pixel_sha256", "perceptual_hash")
    assert {k: facts_of(raw)[k] for k in same} == {k: facts(image)[k] for k in same}


def test_sixteen_bits_are_measured_on_the_scale_of_eight():
    deep = Image.fromarray(np.full((8, 8), 65535, np.uint16))

    assert facts(deep)["mean"] == pytest.approx(255, abs=0.5)


def distance(one: str, two: str) -> int:
    return (int(one, 16) ^ int(two, 16)).bit_count()


def test_a_scaled_or_recompressed_copy_has_nearly_the_same_hash():
    image = picture(3, height=64, width=64)
    hashes = {
        "scaled": facts(image.resize((48, 48), Image.Resampling.BOX)),
        "recompressed": facts(image, "JPEG"),
    }
    original, other = facts(image)["perceptual_hash"], facts(picture(4, height=64, width=64))

    near = {name: distance(original, row["perceptual_hash"]) for name, row in hashes.items()}

    assert max(near.values()) <= 24, near
    assert distance(original, other["perceptual_hash"]) > 60


def test_the_hash_has_256_bits():
    assert len(perceptual_hash(np.zeros((5, 7)))) == 64


def test_the_table_has_every_image_in_order(folder_of, tmp_path):
    images = open_images(str(folder_of(cat=8, dog=8)))
    told: list[int] = []

    out = facts_table(images.chunks(3), tmp_path / "facts.parquet", workers=2, progress=told.append)

    paths = parquet.read_table(out)["path"].to_pylist()
    assert paths == [image.path for chunk in images.chunks() for image in chunk.read()]
    assert told[-1] == 16


class Deadly:
    """A chunk that kills the process which reads it, as a decoder might."""

    def read(self):
        os._exit(9)


def test_a_worker_that_dies_is_told_and_leaves_no_half_table(tmp_path):
    with pytest.raises(FactsFailed, match="died: out of memory"):
        facts_table([Deadly()], tmp_path / "facts.parquet", workers=1)

    assert not (tmp_path / "facts.parquet").exists()


class Many:
    """A chunk of tiny files that exist nowhere but here."""

    def __init__(self, first: int) -> None:
        self.first = first

    def read(self):
        for number in range(self.first, self.first + 5000):
            yield RawImage(f"train/a/{number}.png", "a", "train", b"tiny")


def test_the_memory_of_the_reader_does_not_grow_with_the_number_of_images(tmp_path):
    def peak_after(images: int) -> int:
        chunks = (Many(first) for first in range(0, images, 5000))
        facts_table(chunks, tmp_path / "facts.parquet", workers=2)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = peak_after(50_000)
    after = peak_after(200_000)

    assert after - before < 60_000  # KiB; the rows alone would be more than twice that
