"""
The facts table against bare decoding, and the memory and time of checking many images.

    python -m benchmarks.facts                        # a million images: some minutes, 1 GB of disk
    python -m benchmarks.facts --images 100000 --keep FOLDER
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import cyclopts

from benchmarks.noisy_images import make_images
from benchmarks.results import Measured, append, measure, table

app = cyclopts.App(name="benchmarks.facts", help=__doc__)
MIB = 1 << 20


@app.default
def facts(*, images: int = 1_000_000, keep: Path | None = None, rounds: int = 5) -> None:
    """
    Run both sides in turn, then the whole check on a tenth of the images and on all of them.

    Parameters
    ----------
    images
        How many; rates are taken on a tenth of them.
    keep
        Folder for the images, which another run can take again; a temporary one by default.
    rounds
        How often each side runs.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        few, many = (
            make_images(count, place / f"{count}.parquet") for count in (images // 10, images)
        )
        text = f"{_rates(few, rounds)}\n\n{_checks(few, many)}"
    print(text)
    append("Facts of images", text, f"python -m benchmarks.facts --images {images}")


def _rates(file: Path, rounds: int) -> str:
    found: dict[str, list[tuple[float, int]]] = {"bare": [], "facts": []}
    for _ in range(rounds):
        for side, runs in found.items():
            told, measured = _side(side, file)
            runs.append((told["images_per_s"], measured.peak_bytes))
    ratios = [
        facts_rate / bare_rate
        for (facts_rate, _), (bare_rate, _) in zip(found["facts"], found["bare"], strict=True)
    ]
    shown = {
        "bare": ("bare decoding (Pillow: open, load, array)", "1"),
        "facts": ("facts table", f"{statistics.median(ratios):.2f} ({_span(ratios)})"),
    }
    rows = [
        (name, f"{statistics.median(rate for rate, _ in found[side]):,.0f}", ratio,
         f"{max(peak for _, peak in found[side]) / MIB:,.0f} MiB")
        for side, (name, ratio) in shown.items()
    ]  # fmt: skip
    return table((f"28x28 PNG, {rounds} rounds", "images/s", "ratio", "peak memory"), rows)


def _checks(few: Path, many: Path) -> str:
    rows, seconds_an_image = [], []
    for file in (few, many):
        told, measured = _side("check", file)
        seconds_an_image.append(told["seconds"] / told["images"])
        ratio = seconds_an_image[-1] / seconds_an_image[0]
        rows.append((
            f"{told['images']:,}", f"{told['seconds']:.1f} s", f"{ratio:.2f}",
            f"{measured.peak_bytes / MIB:,.0f} MiB",
            f"{told['checks'] - len(told['failed'])} of {told['checks']}",
            "drawn" if told["has_sheet"] else "none",
        ))  # fmt: skip
    head = ("images checked", "time", "time an image", "peak memory", "passed", "contact sheet")
    return table(head, rows)


def _side(name: str, file: Path) -> tuple[dict[str, Any], Measured]:
    command = [sys.executable, "-m", "benchmarks.facts_sides", name, str(file)]
    measured = measure(command)
    told = json.loads(measured.output.splitlines()[-1])
    print(f"{name}: {told}, peak {measured.peak_bytes / MIB:,.0f} MiB", file=sys.stderr, flush=True)
    return told, measured


def _span(values: list[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"


if __name__ == "__main__":
    app()
