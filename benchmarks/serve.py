"""
``python -m benchmarks.serve``: our scoring service against what a user would pick instead.

One core for the server, one for the load. All sides run in turn, in each of several rounds; a row
holds medians. Installs the rivals in environments of their own first (some GB below ``.mlops``).
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.environments import PLACE, python_of, size_bytes
from benchmarks.load import SERVER_CORE, Load, pinned, press, require_wrk
from benchmarks.results import ROOT, append, pss_bytes, table
from benchmarks.sides import BASE, LOCKS, RIVALS, SIDES, Side

SAMPLE = ROOT / "model" / "sample" / "fashion-mnist.parquet"
CONNECTIONS = (1, 8, 64)
BATCH = 32


@dataclasses.dataclass(frozen=True)
class Round:
    """One side, measured once."""

    cold_start_s: float
    loads: dict[int, Load]
    batch: Load
    pss_mib: float


def main() -> None:
    """Measure, print, and note the table in results.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serve", description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="of load a point [%(default)s]")
    parser.add_argument("--rounds", type=int, default=3, help="[%(default)s]")
    parser.add_argument("--only", action="append", help="a side's name; may be repeated")
    given = parser.parse_args()
    require_wrk()
    sides = [side for side in SIDES if not given.only or side.name in given.only]
    models = {kind: _model(kind) for kind in ("float", "int8")}
    pythons = {side.name: python_of(side.lock) for side in sides}
    if any("ONNX" in side.name for side in sides) and not (models["float"] / "model.onnx").exists():
        to_onnx = [python_of(LOCKS / "onnx-export.txt"), RIVALS / "to_onnx.py", models["float"]]
        subprocess.run(to_onnx, check=True, capture_output=True)
    rounds: dict[str, list[Round]] = {side.name: [] for side in sides}
    for number in range(1, given.rounds + 1):
        for side in sides:
            found = measured(side, pythons[side.name], models[side.model], given.seconds)
            rounds[side.name].append(found)
            print(f"round {number}: {side.name}: {found}", flush=True)
    sizes = {name: size_bytes(python) / 2**20 for name, python in pythons.items()}
    text = _table(rounds, sizes)
    print(f"\n{text}")
    words = f"--seconds {given.seconds} --rounds {given.rounds}"
    if not given.only:
        append("serve", text, f"python -m benchmarks.serve {words}")


def measured(side: Side, python: Path, model: Path, seconds: int) -> Round:
    """Start a side, load it, stop it."""
    images = _images()
    with tempfile.TemporaryDirectory() as room:
        one, many = Path(room, "one.json"), Path(room, "many.json")
        one.write_bytes(side.body(images[:1]))
        many.write_bytes(side.body(images[:BATCH]))
        with started(side, python, model, Path(room)) as (process, url, cold_start_s):
            press(url, one, connections=2, seconds=1)  # warm
            loads = {c: press(url, one, connections=c, seconds=seconds) for c in CONNECTIONS}
            _answers(url, one.read_bytes())  # when what waited from the load before is answered
            batch = press(url, many, connections=1, seconds=seconds)
            return Round(cold_start_s, loads, batch, pss_bytes(process.pid) / 2**20)


@contextlib.contextmanager
def started(
    side: Side, python: Path, model: Path, room: Path
) -> Iterator[tuple[subprocess.Popen[bytes], str, float]]:
    """The running server, its URL, and the seconds from its start to its first answer."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    filled = {"port": str(port), "model": str(model), "room": str(room)}
    command = [*pinned(SERVER_CORE), str(python), *(w.format(**filled) for w in side.command)]
    mine = {name: value.format(**filled) for name, value in side.environment.items()}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "PYTHON"))}
    environment = {**kept, **mine, "TF_CPP_MIN_LOG_LEVEL": "2"}
    url = f"http://127.0.0.1:{port}{side.path}"
    body = Path(room, "one.json").read_bytes()
    with (room / "log").open("wb") as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            while not _answers(url, body):
                if process.poll() is not None or time.perf_counter() - began > 120:
                    sys.exit(f"{side.name} did not start:\n{(room / 'log').read_text()[-3000:]}")
                time.sleep(0.005)
            yield process, url, time.perf_counter() - began
        finally:
            process.terminate()
            process.wait(30)


def _answers(url: str, body: bytes) -> bool:
    asked = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310
    with contextlib.suppress(OSError), urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
        return bool(answer.status == 200)
    return False


def _images() -> list[bytes]:
    from model.images import open_images
    from model.score import as_file, images_of

    return [as_file(image) for image, _ in zip(images_of(open_images(str(SAMPLE)), "test"),
                                               range(BATCH), strict=False)]  # fmt: skip


def _model(kind: str) -> Path:
    """A model folder of the baseline network, trained on the sample."""
    place = PLACE / "models" / kind
    if not (place / "manifest.json").exists():
        print(f"training the {kind} model", flush=True)
        shutil.rmtree(place, ignore_errors=True)
        words = ["--quantize", "int8"] if kind == "int8" else []
        subprocess.run([sys.executable, "-m", "model.train", "--data", str(SAMPLE), "--out",
                        str(place), "--epochs", "4", *words], cwd=ROOT, check=True,
                       capture_output=True)  # fmt: skip
    return place


def _table(rounds: dict[str, list[Round]], sizes: dict[str, float]) -> str:
    def median(name: str, c: int, what: str) -> float:
        return float(statistics.median(getattr(each.loads[c], what) for each in rounds[name]))

    base = median(BASE, 8, "a_second") if BASE in rounds else float("nan")
    head = ["side", "cold start s", "PSS MiB", "environment MiB",
            *[f"{c} clients: requests/s (p50, p99 ms)" for c in CONNECTIONS],
            f"batches of {BATCH}: images/s", "errors", "at 8 clients, times the base"]  # fmt: skip
    rows = []
    for name, found in rounds.items():
        points = [
            f"{median(name, c, 'a_second'):,.0f} ({median(name, c, 'p50_ms'):.2f}, "
            f"{median(name, c, 'p99_ms'):.2f})"
            for c in CONNECTIONS
        ]
        errors = sum(load.errors for r in found for load in (*r.loads.values(), r.batch))
        rows.append([
            name, f"{statistics.median(r.cold_start_s for r in found):.2f}",
            f"{statistics.median(r.pss_mib for r in found):.0f}", f"{sizes[name]:.0f}", *points,
            f"{statistics.median(r.batch.a_second for r in found) * BATCH:,.0f}", f"{errors}",
            f"{median(name, 8, 'a_second') / base:.1f}",
        ])  # fmt: skip
    return table(head, rows)


if __name__ == "__main__":
    main()
