"""
Facts and checks by a process pool and on Spark, on the same two cores: time, memory, equal results.

    python -m benchmarks.spark_facts                   # 200,000 images: some minutes; needs Java 17
    python -m benchmarks.spark_facts --images 20000 --rounds 1 --keep FOLDER
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import cyclopts

from benchmarks.noisy_images import make_images
from benchmarks.results import ROOT, append, table
from benchmarks.spark_facts_sides import POOL, SIDES, WORKERS, Told
from model.spark_here import environment, lacking

app = cyclopts.App(name="benchmarks.spark_facts", help=__doc__)
MIB = 1 << 20
STAGES = {"facts": "until the facts are written", "check": "until the end"}


@app.default
def spark_facts(*, images: int = 200_000, keep: Path | None = None, rounds: int = 3) -> None:
    """
    Run all sides in turn, each in a process of its own, on a tenth of the images and on all.

    Parameters
    ----------
    images
        How many.
    keep
        Folder for the images, which another run can take again; a temporary one by default.
    rounds
        How often each side runs; memory is the most of all rounds.
    """
    if why := lacking():
        sys.exit(why)
    with tempfile.TemporaryDirectory() as folder:
        place = keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        few, many = (
            make_images(count, place / f"{count}.parquet") for count in (images // 10, images)
        )
        found = {file: _rounds(file, rounds) for file in (few, many)}
    tables = (_times(found[few]), _times(found[many]), _memory(found[few], found[many]))
    text = "\n\n".join((*tables, "All sides wrote equal facts (after sorting) and equal reports."))
    print(text)
    append("Facts on Spark", text, f"python -m benchmarks.spark_facts --images {images} "
           f"--rounds {rounds}")  # fmt: skip


def _rounds(file: Path, rounds: int) -> dict[str, list[Told]]:
    """What each side told. All of them found the same."""
    found: dict[str, list[Told]] = {side: [] for side in SIDES}
    for number in range(rounds):
        for side, runs in found.items():
            runs.append(_side(side, file))
            print(f"round {number + 1}: {side}: {runs[-1]}", file=sys.stderr, flush=True)
    for name in ("images", "facts", "report"):
        values = {told[name] for runs in found.values() for told in runs}
        if len(values) > 1:
            sys.exit(f"the {name} of the sides differ: {values}")
    return found


def _side(side: str, file: Path) -> Told:
    command = [sys.executable, "-m", "benchmarks.spark_facts_sides", side, str(file)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment(WORKERS)}, stdout=subprocess.PIPE,
        text=True, check=True,
    )  # fmt: skip
    told: Told = json.loads(done.stdout.splitlines()[-1])
    return told


def _times(found: dict[str, list[Told]]) -> str:
    rows = []
    for side, runs in found.items():
        cells = [side]
        for stage in ("facts_s", "check_s"):
            pairs = zip(runs, found[POOL], strict=True)
            ratios = [mine[stage] / base[stage] for mine, base in pairs]
            seconds = statistics.median(told[stage] for told in runs)
            span = f"{min(ratios):.2f} to {max(ratios):.2f}"
            cells += [f"{seconds:.1f} s", f"{statistics.median(ratios):.2f} ({span})"]
        rows.append([*cells, f"{statistics.median(told['start_s'] for told in runs):.1f} s"])
    what = f"{found[POOL][0]['images']:,} images of 28x28, {len(found[POOL])} rounds"
    head = (what, "facts", "times the pool", "whole check", "times the pool", "session before it")
    return table(head, rows)


def _memory(few: dict[str, list[Told]], many: dict[str, list[Told]]) -> str:
    rows = []
    for side in many:
        for part in ("python_facts", "jvm_facts", "python_check", "jvm_check"):
            sizes = [max(told[part] for told in runs[side]) / MIB for runs in (few, many)]
            if sizes[1]:
                process, stage = part.split("_")
                name = f"{side}: {process}, {STAGES[stage]}"
                rows.append([name, *(f"{size:,.0f} MiB" for size in sizes)])
    counts = [f"{runs[POOL][0]['images']:,} images" for runs in (few, many)]
    return table(("most memory of the driver", *counts), rows)


if __name__ == "__main__":
    app()
