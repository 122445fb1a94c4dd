"""Workers killed at random moments of a training: it ends as if nothing had happened."""

from __future__ import annotations

import random
import re
import threading
import time

import pytest

from model.folder import ModelFolder
from tests.model.spread.conftest import programs, some_clothes, the_rest, wait_for

__all__ = ["programs", "some_clothes"]

pytestmark = [pytest.mark.endurance, pytest.mark.spark, pytest.mark.timeout(3600)]
KILLS, EPOCHS = 5, 40
WORKER = "model.spread.worker"


def test_five_kills_at_random_moments(programs, some_clothes, tmp_path):
    command = ("--epochs", str(EPOCHS))
    began = time.monotonic()
    whole = programs.train(some_clothes, tmp_path / "whole", *command)
    said = the_rest(whole, [])
    assert whole.returncode == 0, said
    within_s = (time.monotonic() - began) / KILLS

    program = programs.train(some_clothes, tmp_path / "killed", *command)
    kills: list[str] = []
    killer = threading.Thread(target=kill, args=(programs, program, within_s, kills))
    killer.start()
    said = the_rest(program, [])
    killer.join()

    print("\n".join(kills))
    print("\n".join(line for line in said.splitlines() if "going on from epoch" in line))
    assert program.returncode == 0, said
    assert len(kills) == KILLS
    told = [int(n) for n in re.findall(r"^epoch (\d+)/", said, re.M)]
    assert told == list(range(1, EPOCHS + 1))
    digests = {ModelFolder.read(tmp_path / name).digest for name in ("whole", "killed")}
    assert len(digests) == 1
    programs.leave_nothing()


def kill(programs, program, within_s: float, kills: list[str]) -> None:
    """Kill a worker, whatever it does then, and the next one when others have begun."""
    while len(kills) < KILLS and program.poll() is None:
        wait_for(lambda: programs.running(WORKER) or program.poll() is not None, lambda: "none")
        moment = random.random() * within_s
        time.sleep(moment)
        if workers := programs.running(WORKER):
            victim = random.choice(workers)
            victim.kill()
            kills.append(f"process {victim.pid} killed {moment:.1f} s after it was seen")
