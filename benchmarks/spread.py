"""
``python -m benchmarks.spread``: two workers on a core each against one worker on one core.

The same program and images, ``--workers 1`` and ``--workers 2``; in turn, each round with a seed of
its own. A step of two workers takes as many images from each as a step of one, ``--batch``: what is
compared is images a second, of the epochs behind the first. Fashion-MNIST as IDX files in
``--data``.

TensorFlow's workers listen on all addresses of a machine; as root, this program gives itself a
network without any but the loopback device.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.results import ROOT, append, table
from benchmarks.train import DATA
from model.spark_here import environment, lacking

MARK = "BENCHMARK_IN_ITS_OWN_NETWORK"
SIDES = (1, 2)  # workers, and cores


@dataclass(frozen=True)
class Run:
    """One training: images a second, test accuracy."""

    images_per_s: float
    accuracy: float


def main() -> None:
    """Measure, print, and note the table in results.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spread", description=__doc__)
    parser.add_argument("--data", default=DATA, help="folder of IDX files [%(default)s]")
    parser.add_argument("--rounds", type=int, default=3, help="each with a seed [%(default)s]")
    parser.add_argument("--epochs", type=int, default=10, help="[%(default)s]")
    parser.add_argument("--batch", type=int, default=64, help="images a step [%(default)s]")
    given = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[: max(SIDES)]
    if why := lacking() or ("" if len(cores) == max(SIDES) else "two cores are needed"):
        sys.exit(why)
    _into_own_network()
    found: dict[int, list[Run]] = {workers: [] for workers in SIDES}
    for seed in range(given.rounds):
        for workers in SIDES if seed % 2 == 0 else SIDES[::-1]:
            found[workers].append(_trained(given, seed, cores[:workers]))
            print(f"round {seed + 1}: {workers} workers: {found[workers][-1]}", flush=True)
    text = _table(found)
    print(f"\n{text}")
    append("two workers against one", text, f"python -m benchmarks.spread --rounds {given.rounds} "
           f"--epochs {given.epochs} --batch {given.batch}")  # fmt: skip


def _into_own_network() -> None:
    """Begin anew in a network namespace, where we may."""
    if MARK in os.environ:
        return
    if os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("ip")):
        print("not root, or without unshare and ip: TensorFlow's workers will listen on all "
              "addresses of this machine", file=sys.stderr)  # fmt: skip
        return
    os.environ[MARK] = "yes"
    words = ("unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    os.execvp(words[0], [*words, sys.executable, "-m", "benchmarks.spread", *sys.argv[1:]])


def _trained(given: argparse.Namespace, seed: int, cores: list[int]) -> Run:
    """A worker a core; of several, each keeps to its own."""
    workers = len(cores)
    with tempfile.TemporaryDirectory() as out:
        words = ("--data", given.data, "--out", out, "--workers", str(workers), "--seed", str(seed),
                 "--epochs", str(given.epochs), "--batch-size", str(given.batch),
                 "--patience", "0")  # fmt: skip
        pinned = ("taskset", "-c", ",".join(map(str, cores)))
        done = subprocess.run(
            [*pinned, sys.executable, "-m", "model.train", *words],
            cwd=ROOT, env={**os.environ, **environment(workers)}, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"{workers} workers failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        lines = Path(out, "progress.jsonl").read_text(encoding="utf-8").splitlines()
        rates = [json.loads(line)["images_per_s"] for line in lines]
        metrics = json.loads(Path(out, "metrics.json").read_text(encoding="utf-8"))
        return Run(statistics.median(rates[1:] or rates), metrics["accuracy"])


def _table(found: dict[int, list[Run]]) -> str:
    one, two = (found[workers] for workers in SIDES)
    ratios = [t.images_per_s / (2 * o.images_per_s) for o, t in zip(one, two, strict=True)]
    rows = []
    for workers, runs in found.items():
        accuracy = [run.accuracy for run in runs]
        rate = statistics.median(run.images_per_s for run in runs)
        rows.append([
            f"{workers} worker{'s' * (workers > 1)}, a core each", f"{rate:,.0f}",
            "1" if workers == 1 else
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} … {max(ratios):.2f})",
            f"{statistics.mean(accuracy):.4f} ({min(accuracy):.4f} … {max(accuracy):.4f})",
        ])  # fmt: skip
    head = ["side", "images/s", "efficiency: images/s a worker, to one worker's (least … most)",
            "test accuracy, mean (least … most)"]  # fmt: skip
    return table(head, rows)


if __name__ == "__main__":
    main()
