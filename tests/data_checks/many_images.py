"""
Data sets of any size that lie nowhere: how much memory does each of their images cost?

    python -m tests.data_checks.many_images facts|check
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from data_checks.check import check_images
from data_checks.limits import Limits
from data_checks.table import facts_table
from model.images import RawImage
from tests.conftest import encoded, picture

CHUNK, FEW, MANY = 5000, 60_000, 160_000


class Many:
    """A chunk of images; half of them are no images, so that there is much to tell."""

    def __init__(self, first: int, folder: str = "folder") -> None:
        self.first, self.folder = first, folder

    def read(self) -> Iterator[RawImage]:
        image = encoded(picture(self.first))
        for number in range(self.first, self.first + CHUNK):
            split, label = ("train", "test")[number % 4 == 0], "ab"[number // 2 % 2]
            path = f"{split}/{label}/{self.folder}/{number}.png"
            yield RawImage(path, label, split, image if number % 2 else b"tiny")


def facts(images: int, folder: Path) -> None:
    long = "folder" * 300  # rows that cannot be overlooked, if they stay in memory
    chunks = (Many(first, long) for first in range(0, images, CHUNK))
    facts_table(chunks, folder / "facts.parquet", workers=2)


def check(images: int, folder: Path) -> None:
    chunks = [Many(first) for first in range(0, images, CHUNK)]
    report = check_images(chunks, labels=["a", "b"], limits=Limits(), out=folder, workers=2)
    assert next(c.offender_count for c in report.checks if c.name == "readable") == images // 2


def peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def growth(run: Callable[[int, Path], None]) -> float:
    """Bytes of this process for each image more; the workers are processes of their own."""
    with tempfile.TemporaryDirectory() as folder:
        run(FEW, Path(folder) / "few")
        before = peak_bytes()
        run(MANY, Path(folder) / "many")
    return (peak_bytes() - before) / (MANY - FEW)


if __name__ == "__main__":
    print(json.dumps(growth({"facts": facts, "check": check}[sys.argv[1]])))
