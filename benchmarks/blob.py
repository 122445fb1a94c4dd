"""
Images in Blob Storage, listed and checked, against adlfs that lists and reads them.

    python -m benchmarks.blob            # 100,000 images in Azurite, which shares the cores

Both sides in turn, each in a process of its own; the adlfs side decodes and judges nothing.
Azurite keeps what it knows of blobs in MariaDB here, for its own list gets slow from thousands on
(Debian: apt install mariadb-server-core mariadb-client-core).
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import cyclopts

from benchmarks.mariadb import mariadb
from benchmarks.noisy_images import make_images
from benchmarks.results import append, measure, table

app = cyclopts.App(name="benchmarks.blob", help=__doc__)
MIB: Final = 1 << 20
URI: Final = "az://images/many"
TOGETHER: Final = 2000  # blobs that are written, or read by the bare side, in one call


@app.default
def blob(*, images: int = 100_000, rounds: int = 3) -> None:
    """
    Fill a container, then run the sides in turn.

    Parameters
    ----------
    images
        How many small PNG files.
    rounds
        How often each side runs.
    """
    from tests.cloud.stand_in import StandIn

    with (
        tempfile.TemporaryDirectory() as folder,
        mariadb(Path(folder) / "database") as database,
        StandIn(Path(folder) / "cloud", database=database) as cloud,
    ):
        os.environ.update(cloud.environment)
        file = make_images(images, Path(folder) / "images.parquet")
        measure([sys.executable, "-m", "benchmarks.blob", "fill", str(file)])
        found: dict[str, list[tuple[dict[str, Any], int]]] = {"bare": [], "checked": []}
        for _ in range(rounds):
            for side, runs in found.items():
                measured = measure([sys.executable, "-m", "benchmarks.blob", side])
                runs.append((json.loads(measured.output.splitlines()[-1]), measured.peak_bytes))
                print(f"{side}: {runs[-1]}", file=sys.stderr, flush=True)
    text = _table(found)
    print(text)
    append("Blob Storage", text, f"python -m benchmarks.blob --images {images}")


def _table(found: dict[str, list[tuple[dict[str, Any], int]]]) -> str:
    rates = {
        side: [told["images"] / told["seconds"] for told, _ in runs] for side, runs in found.items()
    }
    ratios = [ours / bare for ours, bare in zip(rates["checked"], rates["bare"], strict=True)]
    rows = []
    for side, name in (("bare", "adlfs: list and read"), ("checked", "listed and checked")):
        told = found[side][0][0]
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        rows.append((
            name, f"{told['images']:,}", f"{statistics.median(rates[side]):,.0f}",
            "1" if side == "bare" else ratio,
            f"{max(peak for _, peak in found[side]) / MIB:,.0f} MiB",
        ))  # fmt: skip
    return table(("", "images", "images/s", "ratio", "peak memory"), rows)


@app.command(show=False)
def fill(file: Path) -> None:
    """Write the images of a Parquet file as blobs."""
    import pyarrow.parquet as parquet

    system, done, began = _system(), 0, time.perf_counter()
    for batch in parquet.ParquetFile(file).iter_batches(TOGETHER, columns=["image"]):
        files = batch.column("image").to_pylist()
        system.pipe({f"{URI}/{each['path']}": each["bytes"] for each in files})
        done += len(files)
        print(f"{done:,} blobs written, {done / (time.perf_counter() - began):,.0f} a second",
              file=sys.stderr, flush=True)  # fmt: skip


@app.command(show=False)
def bare() -> None:
    """List and read all, as quickly as adlfs does; hold some at a time."""
    began = time.perf_counter()
    system = _system()
    paths = sorted(system.find(URI))
    for first in range(0, len(paths), TOGETHER):
        some = paths[first : first + TOGETHER]
        system.cat_ranges(some, None, None, on_error="raise")
    print(json.dumps({"images": len(paths), "seconds": time.perf_counter() - began}))


@app.command(show=False)
def checked() -> None:
    """All that a release does to these images before it judges the code."""
    from data_checks.check import check_images
    from data_checks.limits import Limits
    from model.images import open_images

    began = time.perf_counter()
    images = open_images(URI)
    with tempfile.TemporaryDirectory() as folder:
        report = check_images(
            images.chunks(), labels=images.labels, limits=Limits(), out=Path(folder) / "out"
        )
    print(json.dumps({"images": report.images, "seconds": time.perf_counter() - began}))


def _system() -> Any:
    import fsspec

    return fsspec.filesystem("az")


if __name__ == "__main__":
    app()
