"""Workers killed at random moments of a training: it ends as if nothing had happened."""

from __future__ import annotations

import random
import re
import threading
import time
from pathlib import Path

import psutil
import pytest

from model.folder import ModelFolder
from tests.model.spread.conftest import line_with, programs, some_clothes, the_rest, wait_for

__all__ = ["programs", "some_clothes"]

pytestmark = [pytest.mark.endurance, pytest.mark.spark, pytest.mark.timeout(3600)]
KILLS, EPOCHS = 5, 120
WORKER = "model.spread.worker"


def test_five_kills_at_random_moments(programs, some_clothes, tmp_path):
    whole, killed = (tmp_path / name for name in ("whole", "killed"))
    lines: list[str] = []
    program = programs.train(some_clothes, whole, "--epochs", str(EPOCHS))
    line_with(program, "epoch 1/", lines)
    began = time.monotonic()
    said = the_rest(program, lines)
    assert program.returncode == 0, said
    within_s = (time.monotonic() - began) / KILLS

    program = programs.train(some_clothes, killed, "--epochs", str(EPOCHS))
    killer = Killer(programs, program, killed / "progress.jsonl", within_s)
    killer.start()
    said = the_rest(program, [])
    killer.join()

    print("\n".join(line for line in said.splitlines() if "going on from epoch" in line))
    assert program.returncode == 0, said
    assert said.count("going on from epoch") == killer.kills == KILLS
    told = [int(n) for n in re.findall(r"epoch (\d+)/\d+  loss", said)]
    assert told == list(range(1, EPOCHS + 1))
    assert ModelFolder.read(whole).digest == ModelFolder.read(killed).digest
    programs.leave_nothing()


class Killer(threading.Thread):
    """Kills a worker, whatever it does then; every other time, an epoch is finished first."""

    def __init__(self, programs, program, progress: Path, within_s: float) -> None:
        super().__init__()
        self.programs, self.program, self.progress = programs, program, progress
        self.within_s, self.kills = within_s, 0

    def run(self) -> None:
        while self.kills < KILLS and self.program.poll() is None:
            before = self.epochs()
            self.wait_for(lambda: self.programs.running(WORKER))
            if self.kills % 2:
                self.wait_for(lambda before=before: self.epochs() > before)
            moment = self.wait_a_while()
            if workers := self.programs.running(WORKER):
                random.choice(workers).kill()
                self.kills += 1
                print(f"killed {moment:.1f} s after the last one")
                self.wait_for(lambda gone=workers: not set(gone) & self.living())

    def wait_a_while(self) -> float:
        """Seconds, at random; not so many that the training would end before the last kill."""
        most, began = self.epochs() + EPOCHS // (2 * KILLS), time.monotonic()
        until = began + random.random() * self.within_s
        while time.monotonic() < until and self.epochs() < most:
            time.sleep(0.02)
        return time.monotonic() - began

    def living(self) -> set[psutil.Process]:
        return set(self.programs.running(WORKER))

    def epochs(self) -> int:
        return len(self.progress.read_text().splitlines()) if self.progress.exists() else 0

    def wait_for(self, is_so) -> None:
        wait_for(lambda: is_so() or self.program.poll() is not None, lambda: "it never was so")
