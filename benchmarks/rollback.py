"""
Going back in Azure, on the stand-in cloud: how much of it is the cloud's time, and how much ours.

    python -m benchmarks.rollback        # needs what `make cloud` needs to deploy

Two versions are released; then each round goes back from one to the other by the command that a
person would type, beside a Prefect server. The cloud's time is while any of its operations goes on,
or a request is with it; what remains of the two steps, deploy and crown, is ours. Python and its
libraries start before them.
"""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cyclopts

from benchmarks.results import ROOT, append, table

if TYPE_CHECKING:
    from tests.cloud.stand_in import StandIn

app = cyclopts.App(name="benchmarks.rollback", help=__doc__)
SAMPLE = ROOT / "model" / "sample" / "fashion-mnist.parquet"
LOOK_S = 0.01
STEP = r"^(?:deploy|crown) +\S+ +([\d.]+)"  # of the table at the end
RELEASE = ("release", "--backend", "azure", "--data", f"az://images/{SAMPLE.name}", "--epochs", "2",
           "--min-accuracy", "0", "--min-recall", "0", "--max-drop", "1")  # fmt: skip
BACK = ("rollback", "--backend", "azure", "--name", SAMPLE.stem)


class Seconds(NamedTuple):
    """Of one rollback: from its start to its end, in its steps, and of the cloud within them."""

    whole: float
    steps: float
    cloud: float


class Watch:
    """Looks at the cloud, from the same process, as long as it is told to."""

    def __init__(self, cloud: StandIn) -> None:
        self._cloud, self._is_over = cloud, threading.Event()
        self.busy_s = 0.0

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        before = time.perf_counter()
        while not self._is_over.wait(LOOK_S):
            now = time.perf_counter()
            if self._cloud.is_busy():
                self.busy_s += now - before
            before = now


@app.default
def rollback(*, rounds: int = 5) -> None:
    """
    Release twice, go back again and again.

    Parameters
    ----------
    rounds
        How often it goes back.
    """
    from flows.server import prefect_server
    from tests.cloud.stand_in import IMAGES, StandIn

    found: list[Seconds] = []
    listener = socket.create_server(("127.0.0.1", 0))
    with (
        tempfile.TemporaryDirectory() as folder,
        StandIn(Path(folder) / "cloud") as cloud,
        prefect_server(Path(folder) / "prefect", listener, has_ui=False) as url,
    ):
        cloud.put(IMAGES, SAMPLE.name, SAMPLE.read_bytes())
        there = {
            **cloud.environment, **cloud.serving(), "MLOPS_HOME": str(Path(folder) / "state"),
            "PREFECT_API_URL": url,
        }  # fmt: skip
        for seed in ("1", "2"):
            print(f"releasing version {seed}", file=sys.stderr, flush=True)
            _flows((*RELEASE, "--seed", seed), there)
        for _ in range(rounds):
            with Watch(cloud) as watch:
                began = time.perf_counter()
                said = _flows(BACK, there)
                whole = time.perf_counter() - began
            steps = sum(map(float, re.findall(STEP, said, re.MULTILINE)))
            found.append(Seconds(whole, steps, watch.busy_s))
            print(found[-1], file=sys.stderr, flush=True)
    text = _table(found)
    print(text)
    append("rollback in Azure", text, f"python -m benchmarks.rollback --rounds {rounds}")


def _flows(words: tuple[str, ...], environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "flows", *words], cwd=ROOT, env={**os.environ, **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _table(found: list[Seconds]) -> str:
    sides = {
        "whole command": [each.whole for each in found],
        "start of the program": [each.whole - each.steps for each in found],
        "the steps": [each.steps for each in found],
        "of them the cloud's": [each.cloud for each in found],
        "of them ours": [each.steps - each.cloud for each in found],
    }
    rows = [
        (name, f"{statistics.median(each):.1f}", f"{min(each):.1f}", f"{max(each):.1f}")
        for name, each in sides.items()
    ]
    return table(("seconds", "median", "least", "most"), rows)


if __name__ == "__main__":
    app()
