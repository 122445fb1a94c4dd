"""
What an image costs in each stage, and whether that foretells ten times as many.

    python -m benchmarks.scale                    # fits up to 20,000 images, foretells 200,000

Each stage runs as the program that a release runs, at three sizes; a line through its seconds and
its peak memory, start and slope, says what ten times the largest size should take. Then that size
is run. docs/scale.md reckons with these lines.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

import cyclopts
import numpy as np
from cyclopts import Parameter, validators

from benchmarks.noisy_images import make_images
from benchmarks.results import append, measure, table

app = cyclopts.App(name="benchmarks.scale", help=__doc__)
MIB = 1 << 20
SHARES = (4, 2, 1)  # of the largest size that is fitted
LEAST = Parameter(validator=validators.Number(gte=20_000))
TIMES = 10  # that the foretold size is larger


class Cost(NamedTuple):
    """Of one run of a stage."""

    images: int
    seconds: float
    peak_bytes: int


class Line(NamedTuple):
    """A cost as ``start + slope * images``."""

    start: float
    slope: float

    @classmethod
    def through(cls, images: list[int], costs: list[float]) -> Line:
        """
        Least squares; each point weighs by its own size, for errors are shares of it.

        >>> Line.through([1, 2, 4], [3.0, 5.0, 9.0])
        Line(start=1.0, slope=2.0)
        """
        weights = 1 / np.asarray(costs)
        slope, start = np.polyfit(images, costs, 1, w=weights)
        return cls(round(float(start), 9), round(float(slope), 12))

    def at(self, images: int) -> float:
        """The cost of so many."""
        return self.start + self.slope * images


@app.default
def scale(*, images: Annotated[int, LEAST] = 20_000, rounds: int = 3) -> None:
    """
    Fit each stage on three sizes, then run ten times the largest.

    Parameters
    ----------
    images
        The largest size that is fitted; of fewer than 20,000, the start is nearly all.
    rounds
        How often each fitted size runs.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = [images // share for share in SHARES]
        for size in (*sizes, TIMES * images):
            make_images(size, folder / f"{size}.parquet")
        found = _measured(folder, sizes, rounds)
        whole = [_run(stage, folder, TIMES * images) for stage in STAGES]
        text = _shown(found, whole)
    print(text)
    append("What an image costs", text, f"python -m benchmarks.scale --images {images}")


def _measured(folder: Path, sizes: list[int], rounds: int) -> dict[str, list[Cost]]:
    """Sizes and stages in turn, so that a slow minute of the machine is not one stage's."""
    found: dict[str, list[Cost]] = {stage: [] for stage in STAGES}
    for _ in range(rounds):
        for size in sizes:
            for stage, costs in found.items():
                costs.append(_run(stage, folder, size))
    return found


def _run(stage: str, folder: Path, images: int) -> Cost:
    with tempfile.TemporaryDirectory(dir=folder) as out:
        words = STAGES[stage](folder, folder / f"{images}.parquet", Path(out))
        measured = measure([sys.executable, "-m", *words])
        if stage == "train" and not (folder / "model").exists():
            (Path(out) / "model").rename(folder / "model")  # for the stage that asks it
    print(f"{stage}: {images:,} images, {measured.seconds:.1f} s", file=sys.stderr, flush=True)
    return Cost(images, measured.seconds, measured.peak_bytes)


def _check(_: Path, file: Path, __: Path) -> list[str]:
    return ["benchmarks.facts_sides", "check", str(file)]


def _train(_: Path, file: Path, out: Path) -> list[str]:
    return ["model.train", "--data", str(file), "--out", str(out / "model"), "--epochs", "1"]


def _score(folder: Path, file: Path, out: Path) -> list[str]:
    return ["model.batch_score", "--model", str(folder / "model"), "--data", str(file),
            "--out", str(out / "scores")]  # fmt: skip


STAGES: dict[str, Callable[[Path, Path, Path], list[str]]] = {
    "check": _check,
    "train": _train,
    "score": _score,
}


def _shown(found: dict[str, list[Cost]], whole: list[Cost]) -> str:
    rows, foretold, took = [], 0.0, 0.0
    for (stage, costs), large in zip(found.items(), whole, strict=True):
        sizes = [cost.images for cost in costs]
        time = Line.through(sizes, [cost.seconds for cost in costs])
        memory = Line.through(sizes, [float(cost.peak_bytes) for cost in costs])
        foretold += time.at(large.images)
        took += large.seconds
        rows.append((
            stage, f"{time.start:.1f} s + {1e6 * time.slope:.0f} s",
            f"{memory.start / MIB:.0f} MiB + {1e6 * memory.slope / MIB:.0f} MiB",
            f"{time.at(large.images):.1f} s", f"{large.seconds:.1f} s",
            f"{large.seconds / time.at(large.images):.2f}", f"{large.peak_bytes / MIB:.0f} MiB",
        ))  # fmt: skip
    rows.append(("all", "", "", f"{foretold:.1f} s", f"{took:.1f} s", f"{took / foretold:.2f}", ""))
    head = ("stage", "time: start + a million images", "memory: start + a million images",
            f"foretold for {whole[0].images:,}", "took", "took / foretold", "peak memory"
            )  # fmt: skip
    return table(head, rows)


if __name__ == "__main__":
    app()
