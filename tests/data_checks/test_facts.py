"""The facts table: right, and whole or not at all."""

from __future__ import annotations

import ctypes
import hashlib
import multiprocessing
import os
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import psutil
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from data_checks import pool, stacks
from data_checks.facts import COLUMNS, columns_of, facts_of
from data_checks.stacks import STACK_BYTES, hashes_of
from data_checks.table import FactsFailed, facts_table
from model.images import RawImage, open_images
from tests.conftest import ROOT, bomb, damaged_avif, encoded, picture
from tests.orphans import asleep


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


@pytest.mark.parametrize("shape", [(300, 77), (77, 300), (300, 301)])
def test_a_long_image_has_the_hash_that_the_short_way_would_find(monkeypatch, shape):
    grey = np.random.default_rng(1).integers(0, 256, (5, *shape), np.uint8)
    short = hashes_of(grey)

    monkeypatch.setattr(stacks, "LONG_SIDE", 100)

    assert (np.unpackbits(hashes_of(grey)) != np.unpackbits(short)).sum() <= 2


def test_a_very_long_image_takes_memory_of_its_own_size_and_not_of_a_matrix():
    line = np.arange(2_000_000, dtype=np.uint8).reshape(1, 1, -1)
    tracemalloc.start()
    try:
        hashes_of(line)
        hashes_of(line.swapaxes(1, 2))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 5 * line.nbytes


@pytest.mark.parametrize("data", [damaged_avif(), encoded(picture(1, channels=3), "EPS")])
def test_odd_bytes_are_one_unreadable_image_and_no_end_of_the_check(data):
    assert facts_of(RawImage("a", "cat", "train", data))["problem"]


def assorted() -> list[RawImage]:
    """Images of many modes, sizes and faults, and more of one size than a stack takes."""
    images = [(encoded(picture(n, height=28, width=28)), None) for n in range(900)]
    for n in range(120):
        image = picture(n, height=1 + n % 9 * 7, width=20, channels=3 if n % 2 else 1)
        mode = ("L", "RGB", "RGBA", "LA", "P", "1", "CMYK")[n % 7]
        data = encoded(image.convert(mode), "JPEG" if mode == "CMYK" else "PNG")
        images.append((data[: len(data) // 2] if n % 11 == 0 else data, None))
    deep = Image.fromarray(np.arange(3000, dtype=np.uint16).reshape(50, 60) * 20)
    images += [(encoded(deep), None), (b"", None), (b"words", None), (bomb(), None)]
    images += [(bytes(range(240)), (8, 10, 3)), (b"too few", (28, 28, 1))]
    np.random.default_rng(1).shuffle(images)
    return [
        RawImage(f"{n}", "cat", "train", data, shape, "a link" if n % 99 == 0 else None)
        for n, (data, shape) in enumerate(images)
    ]


def test_many_images_at_once_have_the_facts_of_each_alone():
    images = assorted()
    assert STACK_BYTES < 900 * 28 * 28  # several stacks of one size

    columns = columns_of(images)

    together = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    assert together == [facts_of(image) for image in images]
    assert columns["readable"].count(False) > 20


def test_no_images_have_columns_too():
    assert columns_of([]) == {name: [] for name in COLUMNS}


@pytest.mark.parametrize(("height", "width", "channels"), [(28, 28, 1), (7, 90, 3), (300, 200, 3)])
def test_a_stack_measures_what_numpy_says_of_one_image(height, width, channels):
    image = picture(6, height=height, width=width, channels=channels)
    pixels = np.asarray(image)
    grey = pixels.mean(axis=2, dtype=np.float32) if channels == 3 else pixels

    row = columns_of([RawImage("a", "cat", "train", encoded(image))] * 3)

    digest = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
    assert row["pixel_sha256"] == [digest] * 3
    assert row["mean"] == [float(grey.mean())] * 3
    assert row["deviation"] == [float(grey.std())] * 3


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
    assert hashes_of(np.zeros((3, 5, 7))).shape == (3, 256 // 8)
    assert len(facts(picture(1))["perceptual_hash"]) == 256 // 4


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


class Hanging:
    """A chunk whose storage never answers."""

    def read(self):
        time.sleep(3600)
        yield


class Deaf:
    """A chunk whose decoder hangs and keeps the interpreter's lock: no thread of Python's runs."""

    def read(self):
        ctypes.PyDLL(None).sleep(240)
        yield


@pytest.mark.parametrize("chunk", [Hanging(), Deaf()])
def test_a_worker_that_hangs_is_told_and_not_waited_for(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(pool, "MOST_SECONDS_A_CHUNK", 4)
    others, begun = set(multiprocessing.active_children()), time.monotonic()

    with pytest.raises(FactsFailed, match="within 4 s; does the storage"):
        facts_table([chunk], tmp_path / "facts.parquet", workers=1)

    assert time.monotonic() - begun < 120
    assert set(multiprocessing.active_children()) <= others


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no system ends it")
def test_a_worker_that_hangs_ends_when_its_parent_is_killed(tmp_path):
    words = (
        "from pathlib import Path; from tests.data_checks.test_facts import *\n"
        "if __name__ == '__main__': facts_table([Deaf()], Path('facts.parquet'), workers=1)"
    )
    (tmp_path / "parent.py").write_text(words)
    command = [sys.executable, str(tmp_path / "parent.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment) as parent:
        worker = asleep(psutil.Process(parent.pid))

        parent.kill()

        psutil.wait_procs([worker], timeout=20)
        assert not worker.is_running()
