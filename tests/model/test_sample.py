"""The bundled sample is small, even, and what its script makes."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from model.images import open_images
from model.sample.make_sample import EACH_CLASS, TARGET, make_sample

IDX = Path("/usr/share/datasets/fashion-mnist")  # Debian's package dataset-fashion-mnist


def test_it_has_the_same_number_of_every_class(sample):
    found = Counter(
        (image.split, image.label)
        for chunk in open_images(sample).chunks()
        for image in chunk.read()
    )

    assert len(found) == 20
    assert all(count == EACH_CLASS[split] for (split, _), count in found.items())


def test_it_is_small():
    assert TARGET.stat().st_size <= 6_000_000


@pytest.mark.long
@pytest.mark.skipif(
    not IDX.is_dir() and not os.environ.get("CI"),
    reason="needs the Debian package dataset-fashion-mnist",
)
def test_its_script_makes_it_again_byte_for_byte(tmp_path):
    make_sample(idx=IDX, to=tmp_path / "again.parquet")

    assert (tmp_path / "again.parquet").read_bytes() == TARGET.read_bytes()
