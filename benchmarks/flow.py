"""
``python -m benchmarks.flow``: a whole release against the sum of the commands that it is made of.

Both from nothing, on the bundled sample, with a Prefect server that runs already. What
orchestration costs is the difference; stages that overlap may make it less than nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.results import ROOT, append, table

SAMPLE = "model/sample/fashion-mnist.parquet"
BARE = ("-m", "benchmarks.bare")


def main() -> None:
    """Measure, print, and note the table in results.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flow", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="[%(default)s]")
    given = parser.parse_args()
    from flows.server import prefect_server

    bare: list[dict[str, float]] = []
    whole: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        listener = socket.create_server(("127.0.0.1", 0))
        with prefect_server(Path(place, "prefect"), listener, has_ui=False) as url:
            for number in range(given.rounds):
                room = Path(place, str(number))
                bare.append(_bare(room / "bare"))
                whole.append(_orchestrated(room / "whole", url))
                print(f"round {number + 1}: bare {bare[-1]}, release {whole[-1]:.1f} s", flush=True)
                shutil.rmtree(room, ignore_errors=True)
    text = _table(bare, whole)
    print(f"\n{text}")
    append("flow", text, f"python -m benchmarks.flow --rounds {given.rounds}")


def _bare(room: Path) -> dict[str, float]:
    """Seconds of each command, one after the other."""
    room.mkdir(parents=True)
    tracking = f"sqlite:///{room / 'mlflow.db'}"
    gate = ["-m", "pytest", "-q", "-m", "gate", "-p", "no:cacheprovider", "tests/model"]
    commands: dict[str, Sequence[str]] = {
        "check": (*BARE, "check", SAMPLE, str(room / "checks")),
        "gate": gate,
        "train": ("-m", "model.train", "--data", SAMPLE, "--out", str(room / "model"),
                  "--tracking-uri", tracking),
        "register": (*BARE, "register", str(room / "model"), tracking),
        "deploy": (*BARE, "deploy", str(room / "model"), str(room)),
    }  # fmt: skip
    return {name: _seconds(words, {}) for name, words in commands.items()}


def _orchestrated(room: Path, url: str) -> float:
    environment = {"MLOPS_HOME": str(room), "PREFECT_API_URL": url}
    seconds = _seconds(("-m", "flows", "release", "--data", SAMPLE), environment)
    _seconds(("-m", "flows", "stop"), environment)
    return seconds


def _seconds(words: Sequence[str], environment: Mapping[str, str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env={**os.environ, **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - began


def _table(bare: list[dict[str, float]], whole: list[float]) -> str:
    rows = [
        [name, f"{statistics.median(found[name] for found in bare):.1f}", ""] for name in bare[0]
    ]
    total = statistics.median(sum(found.values()) for found in bare)
    ratio = statistics.median(
        one / sum(found.values()) for one, found in zip(whole, bare, strict=True)
    )
    rows.append(["sum of the commands", f"{total:.1f}", "1.00"])
    rows.append(["release", f"{statistics.median(whole):.1f}", f"{ratio:.2f}"])
    return table(["side", "seconds", "times the sum"], rows)


if __name__ == "__main__":
    main()
