"""
Batch scoring against LiteRT alone, which has the pixels in memory and does nothing else.

    python -m benchmarks.batch_score                      # 120,000 images: some minutes
    python -m benchmarks.batch_score --spark              # beside it, the same on Spark

All sides in turn, each in processes of its own, one a core: LiteRT with one thread and batches of
32; the program reads PNG from Parquet, decodes, answers and writes. Its rate is told with its start
(imports, digests of model and data, processes) and without.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cyclopts
import numpy as np

from benchmarks.noisy_images import SAMPLE, make_images
from benchmarks.results import ROOT, append, measure, table
from model.batch_score.options import Scoring

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue
    from multiprocessing.synchronize import Barrier

app = cyclopts.App(name="benchmarks.batch_score", help=__doc__)
MIB = 1 << 20
LOOK_S = 0.5  # between two looks at the memory, which take a core for a while
CORES = Scoring().processes
SIDES = {
    "bare": "LiteRT alone",
    "ours": "scored, without the start",
    "whole": "scored, with the start",
    "spark": "on Spark, with the start",
}


@app.default
def batch_score(
    *, images: int = 120_000, rounds: int = 5, model: Path | None = None, spark: bool = False
) -> None:
    """
    Run the sides in turn.

    Parameters
    ----------
    images
        How many small PNG files, in one Parquet file.
    rounds
        How often each side runs.
    model
        A model folder; by default one of the baseline network, trained first.
    spark
        Also by Spark, on as many cores.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = make_images(images, Path(folder) / "images.parquet")
        trained = model or _trained(Path(folder) / "model")
        found: dict[str, list[tuple[float, int]]] = {side: [] for side in SIDES}
        for _ in range(rounds):
            for side in [side for side in SIDES if side != "spark" or spark]:
                found[side].append(_side(side, trained, file, Path(folder) / "out"))
                print(f"{side}: {found[side][-1]}", file=sys.stderr, flush=True)
    text = _table(found, images, rounds)
    print(text)
    words = f"--images {images}{' --spark' if spark else ''}"
    append("Batch scoring", text, f"python -m benchmarks.batch_score {words}")


def _side(side: str, model: Path, file: Path, out: Path) -> tuple[float, int]:
    """Images a second, and the most memory of all its processes together."""
    from model.spark_here import environment

    shutil.rmtree(out, ignore_errors=True)
    if side in ("bare", "ours"):
        asked = [side, str(model), str(file), str(out)]
        command = [sys.executable, "-m", "benchmarks.batch_score", *asked]
        measured = measure(command, every_s=LOOK_S)
        return json.loads(measured.output.splitlines()[-1])["images_per_s"], measured.peak_bytes
    words = ["-m", "model.batch_score", "--model", model, "--data", file, "--out", out]
    command = [sys.executable, *map(str, words)]
    if side == "spark":
        known = [f"{name}={value}" for name, value in environment(CORES).items()]
        command = ["env", *known, *command, "--engine", "spark"]
    measured = measure(command, every_s=LOOK_S)
    return _images_in(out) / measured.seconds, measured.peak_bytes


def _images_in(out: Path) -> int:
    return int(json.loads((out / "scores.json").read_text())["images"])


def _table(found: dict[str, list[tuple[float, int]]], images: int, rounds: int) -> str:
    bare = [rate for rate, _ in found["bare"]]
    rows = []
    for side, runs in found.items():
        if not runs:
            continue
        ratios = [rate / base for (rate, _), base in zip(runs, bare, strict=True)]
        span = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        rows.append((
            SIDES[side], f"{statistics.median(rate for rate, _ in runs):,.0f}",
            "1" if side == "bare" else span,
            f"{max(peak for _, peak in runs) / MIB:,.0f} MiB",
        ))  # fmt: skip
    head = (f"{images:,} images, 28x28 PNG, {CORES} cores, {rounds} rounds", "images/s", "ratio",
            "peak memory")  # fmt: skip
    return table(head, rows)


@app.command(show=False)
def bare(model: Path, file: Path, out: Path) -> None:
    """The rate of as many interpreters as there are cores, all at once."""
    del out
    context = multiprocessing.get_context("spawn")
    together, told = context.Barrier(CORES), context.SimpleQueue()
    workers = [
        context.Process(target=_answer, args=(model, file, at, together, told))
        for at in range(CORES)
    ]
    for worker in workers:
        worker.start()
    spans = [told.get() for _ in workers]
    for worker in workers:
        worker.join()
    seconds = max(end for _, end, _ in spans) - min(begin for begin, _, _ in spans)
    print(json.dumps({"images_per_s": sum(images for *_, images in spans) / seconds}))


def _answer(
    model: Path, file: Path, at: int, together: Barrier, told: SimpleQueue[tuple[float, float, int]]
) -> None:
    """One of the interpreters: its share of the images is decoded before the clock runs."""
    from model.folder import read_labels
    from model.images import open_images
    from model.score import BATCH, pixels_of
    from model.scorer import Scorer

    shape, scorer = read_labels(model).shape, Scorer(model)
    chunks = list(open_images(str(file)).chunks())[at::CORES]
    pixels = np.stack([pixels_of(image, shape) for chunk in chunks for image in chunk.read()])
    scorer.predict(pixels[:BATCH])
    together.wait()
    began = time.monotonic()
    for first in range(0, len(pixels), BATCH):
        scorer.predict(pixels[first : first + BATCH])
    told.put((began, time.monotonic(), len(pixels)))


@app.command(show=False)
def ours(model: Path, file: Path, out: Path) -> None:
    """The rate of the program, from when each worker has made a part to the end of the last."""
    from model.batch_score.made import BAD, SCORES, Job
    from model.batch_score.parts import part_size, parts_of
    from model.batch_score.place import Place
    from model.batch_score.pool import in_pool
    from model.folder import ModelFolder
    from model.images import open_images

    folder, images = ModelFolder.read(model), open_images(str(file))
    job = Job(str(out), "0" * 16, None, folder.labels, folder.shape, str(model), "1", folder.digest)
    for name in (SCORES, BAD):
        Place(job.out).begin(name)
    parts = parts_of(images, part_size(images, len(folder.labels)))
    done: list[tuple[float, int]] = []
    for made in in_pool(job, parts, workers=CORES):
        done.append((time.monotonic(), made.images))
    if len(done) <= CORES:
        sys.exit("too few images to measure: there is a part for each core")
    seconds = done[-1][0] - done[CORES - 1][0]
    print(json.dumps({"images_per_s": sum(images for _, images in done[CORES:]) / seconds}))


def _trained(place: Path) -> Path:
    """A model folder of the baseline network."""
    words: list[Any] = ["--data", SAMPLE, "--out", place, "--epochs", "1"]
    command = [sys.executable, "-m", "model.train", *map(str, words)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return place


if __name__ == "__main__":
    app()
