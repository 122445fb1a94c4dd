"""
What ``benchmarks.facts`` compares, each side in a process of its own; it prints one line of JSON.

    python -m benchmarks.facts_sides bare|facts|check FILE
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data_checks.facts import Chunk
from data_checks.pool import in_order
from model.images import open_images

WORKERS = 2


def bare(file: str) -> dict[str, Any]:
    """Images a second of decoding alone: the same pool, the same chunks, nothing looked at."""
    return _rate(in_order(open_images(file).chunks(), _decode, workers=WORKERS))


def facts(file: str) -> dict[str, Any]:
    """Images a second of the facts table, written to disk."""
    from data_checks.table import facts_table

    done: list[tuple[float, int]] = []
    with tempfile.TemporaryDirectory() as folder:
        facts_table(
            open_images(file).chunks(),
            Path(folder) / "facts.parquet",
            workers=WORKERS,
            progress=lambda images: done.append((time.perf_counter(), images)),
        )
        return _between(done[0], (time.perf_counter(), done[-1][1]))


def check(file: str) -> dict[str, Any]:
    """Seconds of all that a release does to check these images, and what it found."""
    from data_checks.check import SHEET, check_images
    from data_checks.limits import Limits

    began, images = time.perf_counter(), open_images(file)
    with tempfile.TemporaryDirectory() as folder:
        report = check_images(
            images.chunks(),
            labels=images.labels,
            limits=Limits(),
            out=Path(folder) / "out",
            workers=WORKERS,
        )
        return {
            "seconds": time.perf_counter() - began,
            "images": report.images,
            "checks": len(report.checks),
            "failed": [check.name for check in report.checks if not check.passed],
            "has_sheet": (Path(folder) / "out" / SHEET).exists(),
        }


def _decode(chunk: Chunk) -> int:
    images = 0
    for image in chunk.read():
        opened = Image.open(io.BytesIO(image.data))
        opened.load()
        np.asarray(opened)
        images += 1
    return images


def _rate(chunks: Iterator[int]) -> dict[str, Any]:
    first = (0.0, 0)
    images = 0
    for count in chunks:
        images += count
        first = first if first[1] else (time.perf_counter(), images)
    return _between(first, (time.perf_counter(), images))


def _between(first: tuple[float, int], last: tuple[float, int]) -> dict[str, Any]:
    """From the first chunk on: by then the workers have started, which is the same on all sides."""
    return {"images_per_s": (last[1] - first[1]) / (last[0] - first[0]), "images": last[1]}


if __name__ == "__main__":
    _, side, file = sys.argv
    print(json.dumps({"bare": bare, "facts": facts, "check": check}[side](file)))
