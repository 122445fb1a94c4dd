"""
``python -m benchmarks.accuracy``: how well the better network knows Fashion-MNIST, and how soon.

The recipe was chosen by validation images; the test images judge the end of each run, once. Each
round has a seed of its own. Fashion-MNIST as IDX files, in ``--data``.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.results import ROOT, append, table
from benchmarks.train import DATA

RECIPE = (
    "--network", "residual", "--augment", "flip-shift", "--learning-rate", "0.003",
    "--weight-decay", "0.05", "--label-smoothing", "0.05", "--patience", "0",
)  # fmt: skip


def main() -> None:
    """Train, print, and note the table in results.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--data", default=DATA, help="folder of IDX files [%(default)s]")
    parser.add_argument("--rounds", type=int, default=3, help="each with a seed [%(default)s]")
    parser.add_argument("--epochs", type=int, default=20, help="[%(default)s]")
    given = parser.parse_args()
    found = []
    for seed in range(given.rounds):
        found.append(_trained(given.data, given.epochs, seed))
        print(f"seed {seed}: {found[-1]}", flush=True)
    text = _table(found)
    print(f"\n{text}")
    words = f"python -m benchmarks.accuracy --rounds {given.rounds} --epochs {given.epochs}"
    append("accuracy of residual", text, words)


def _trained(data: str, epochs: int, seed: int) -> dict[str, float]:
    """Test accuracy; seconds of the whole command, and of its processors; images a second."""
    with tempfile.TemporaryDirectory() as out:
        began, spent = time.perf_counter(), _cpu_s()
        words = ("--data", data, "--out", out, "--epochs", str(epochs), "--seed", str(seed))
        subprocess.run(
            [sys.executable, "-m", "model.train", *words, *RECIPE],
            cwd=ROOT, check=True, stdout=sys.stderr,
        )  # fmt: skip
        lines = Path(out, "progress.jsonl").read_text(encoding="utf-8").splitlines()
        rate = statistics.median(json.loads(line)["images_per_s"] for line in lines)
        metrics = json.loads(Path(out, "metrics.json").read_text(encoding="utf-8"))
        return {
            "test accuracy": metrics["accuracy"], "seconds": time.perf_counter() - began,
            "processor seconds": _cpu_s() - spent, "images/s": rate,
        }  # fmt: skip


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _table(found: list[dict[str, float]]) -> str:
    rows = []
    for name in found[0]:
        values = [each[name] for each in found]
        style = ".4f" if name == "test accuracy" else ",.0f"
        spread = (statistics.mean(values), min(values), max(values))
        rows.append([name, *(format(value, style) for value in spread)])
    return table([f"{len(found)} seeds", "mean", "least", "most"], rows)


if __name__ == "__main__":
    main()
