"""
``python -m benchmarks.train``: our training of ``baseline`` against what a user would write.

The same network, data, batch size and learning rate; all sides in turn, in each of several rounds,
on the cores that this process may use. Fashion-MNIST as IDX files, in ``--data``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.environments import torch_python
from benchmarks.results import ROOT, append, table
from model.devices import has_bfloat16

RIVALS = ROOT / "benchmarks" / "rivals"
DATA = "/usr/share/datasets/fashion-mnist"
BASE = "Keras fit(numpy)"
BFLOAT16 = "PyTorch fused, channels_last, bf16"
SIDES = {
    "ours": ("train_ours.py", ()),
    "ours, float32": ("train_ours.py", ("--float32",)),
    BASE: ("train_keras.py", ("--numpy",)),
    "Keras, tutorial tf.data": ("train_keras.py", ()),
    "PyTorch eager": ("train_torch.py", ()),
    "PyTorch fused, channels_last": ("train_torch.py", ("--fused",)),
    BFLOAT16: ("train_torch.py", ("--fused", "--bf16")),
}
TARGET = 0.90


def main() -> None:
    """Measure, print, and note the table in results.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train", description=__doc__)
    parser.add_argument("--data", default=DATA, help="folder of IDX files [%(default)s]")
    parser.add_argument("--rounds", type=int, default=3, help="each with a seed [%(default)s]")
    parser.add_argument("--epochs", type=int, default=5, help="[%(default)s]")
    given = parser.parse_args()
    if not list(Path(given.data).glob("*images-idx3-ubyte*")):
        sys.exit(f"{given.data} has no IDX files of Fashion-MNIST (Debian: dataset-fashion-mnist)")
    sides = {name: side for name, side in SIDES.items() if name != BFLOAT16 or has_bfloat16()}
    if len(sides) < len(SIDES):
        print(f"left out: {BFLOAT16}, which this processor would only emulate")
    found: dict[str, list[dict[str, list[float]]]] = {name: [] for name in sides}
    for seed in range(given.rounds):
        for name, (script, words) in sides.items():
            python = torch_python() if "torch" in script else Path(sys.executable)
            made = _run(python, script, given.data, given.epochs, seed, words)
            found[name].append(made)
            print(f"round {seed + 1}: {name}: {made}", flush=True)
    text = _table(found)
    print(f"\n{text}")
    append("train", text, f"python -m benchmarks.train --rounds {given.rounds} "
           f"--epochs {given.epochs}")  # fmt: skip


def _run(
    python: Path, script: str, data: str, epochs: int, seed: int, words: tuple[str, ...]
) -> dict[str, list[float]]:
    """Seconds and test accuracy after each epoch, and images a second in it."""
    command = [str(python), str(RIVALS / script), data, str(epochs), str(seed), *words]
    environment = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{script} failed:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def _table(found: dict[str, list[dict[str, list[float]]]]) -> str:
    def rate(name: str) -> float:
        """Of the epochs behind the first, in which graphs are compiled."""
        return statistics.median(r for made in found[name] for r in made["images_per_s"][1:])

    base = rate(BASE)
    best_torch = max(rate(name) for name in found if "PyTorch" in name)
    rows = []
    for name, made in found.items():
        last = [each["accuracy"][-1] for each in made]
        spread = f"{statistics.mean(last):.4f} ({min(last):.4f} … {max(last):.4f})"
        reached = [when for each in made if (when := _seconds_to(each)) is not None]
        is_sure = len(reached) == len(made)
        seconds = f"{statistics.median(reached):.0f}" if is_sure else "not reached"
        rows.append([
            name, f"{rate(name):,.0f}", f"{rate(name) / base:.2f}",
            f"{rate(name) / best_torch:.2f}", seconds, spread,
        ])  # fmt: skip
    head = [
        "side", "images/s", f"times {BASE}", "times the best PyTorch",
        f"seconds to {TARGET:.2f} test accuracy", "test accuracy, mean (least … most)",
    ]  # fmt: skip
    return table(head, rows)


def _seconds_to(made: dict[str, list[float]]) -> float | None:
    pairs = zip(made["seconds"], made["accuracy"], strict=True)
    return next((seconds for seconds, accuracy in pairs if accuracy >= TARGET), None)


if __name__ == "__main__":
    main()
