"""
Programs in a network of their own.

TensorFlow's workers listen on all addresses of a machine, whatever they are told; so what starts
them runs in a network namespace in which there is nothing but a loopback device.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pyarrow.parquet as parquet
import pytest

from model.spark_here import environment, lacking
from tests.conftest import ROOT, plain_environment

ALONE = ("unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
MARK = "STARTED_BY_TEST"
CORES = 2
MOST_WAIT_S = 120.0
KNOBS = ("--patience", "0", "--batch-size", "32")


@dataclass
class Programs:
    """Starts programs, and knows what they left running."""

    place: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Python with these words."""
        here = environment(CORES, scratch=self.place)
        return subprocess.Popen(
            [*ALONE, sys.executable, *words], cwd=ROOT, text=True,
            env={**plain_environment(), **here, MARK: self.mark},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def train(self, data: Path, out: Path, *words: str) -> subprocess.Popen[str]:
        """The trainer; on two workers, if nothing else is said."""
        knobs = (*KNOBS, *(() if "--workers" in words else ("--workers", "2")), *words)
        return self.start("-m", "model.train", "--data", str(data), "--out", str(out), *knobs)

    def running(self, said: str = "") -> list[psutil.Process]:
        """Processes that were started from here and have not ended, with this in their command."""
        return [each for each in psutil.process_iter() if self._is_ours(each, said)]

    def leave_nothing(self) -> None:
        """Wait until none of them runs."""
        wait_for(lambda: not self.running(), lambda: f"still running: {self.running()}")

    def end(self) -> None:
        """End what a failed test left."""
        while left := self.running():
            for process in left:
                process.kill()
            psutil.wait_procs(left, timeout=5)

    def _is_ours(self, process: psutil.Process, said: str) -> bool:
        try:
            return (
                process.environ().get(MARK) == self.mark
                and process.status() != psutil.STATUS_ZOMBIE
                and said in " ".join(process.cmdline())
            )
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False


def wait_for(is_so: Callable[[], object], why_not: Callable[[], str]) -> None:
    until = time.monotonic() + MOST_WAIT_S
    while not is_so():
        assert time.monotonic() < until, why_not()
        time.sleep(0.1)


def line_with(program: subprocess.Popen[str], text: str, lines: list[str]) -> str:
    """Read on, into ``lines``, up to the first line with ``text``."""
    assert program.stdout
    for line in program.stdout:
        lines.append(line)
        if text in line:
            return line
    raise AssertionError(f"{text!r} was never said:\n{''.join(lines)}")


def the_rest(program: subprocess.Popen[str], lines: list[str]) -> str:
    """All that it said, when it has ended; by its own stream, which may have read ahead."""
    assert program.stdout
    lines += program.stdout.readlines()
    program.wait(600)
    return "".join(lines)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    """Programs of this test file."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        pytest.fail("these tests give programs a network of their own: run them as root, with "
                    "unshare (util-linux) and ip (iproute2)")  # fmt: skip
    if why := lacking():
        pytest.fail(why)
    made = Programs(tmp_path_factory.mktemp("spark"))
    yield made
    made.end()


@pytest.fixture(scope="session")
def some_clothes(sample: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six hundred images for training and a hundred for the test, of the bundled sample."""
    table, rows = parquet.read_table(sample), {"train": 600, "test": 100}
    split = table.column("split").to_pylist()
    chosen = [at for side, most in rows.items() for at in _first(split, side, most)]
    file = tmp_path_factory.mktemp("data") / "clothes.parquet"
    parquet.write_table(table.take(chosen), file, row_group_size=100)
    return file


def _first(split: list[str], side: str, most: int) -> list[int]:
    return [at for at, each in enumerate(split) if each == side][:most]
