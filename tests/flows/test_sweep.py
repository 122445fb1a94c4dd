"""sweep: what crashes left behind is ended and what died serves again; what is awaited goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.flows.conftest import Checkout, processes_of, url_of, version_at

pytestmark = pytest.mark.slow

SWEEP = "from flows.sweep import sweep; print(sweep())"
LONG = ("--epochs", "900", "--patience", "0", "--min-accuracy", "0")


def test_the_dead_serve_again_the_lost_end_and_the_awaited_go_on(released, pictures):
    url = url_of(released)
    psutil.Process(version_at(url)["pid"]).kill()
    words = ("release", "--data", str(pictures), *LONG)
    awaited = begun(released, *words, "--name", "awaited", "--seed", "6")
    lost = begun(released, *words, "--name", "lost", "--seed", "5")
    lost.kill()
    lost.communicate()
    assert sorted(seeds_of(released)) == ["5", "6"]

    done = subprocess.run(
        [sys.executable, "-c", SWEEP], cwd=released.root, env=released.environment,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert version_at(url)["name"] == "light"
    assert seeds_of(released) == ["6"]
    assert "1 trainings ended" in done.stdout
    assert "light version 1 serves again" in done.stdout
    assert awaited.poll() is None
    awaited.send_signal(signal.SIGINT)
    awaited.communicate(timeout=60)
    time.sleep(0.2)
    assert seeds_of(released) == []


def begun(checkout: Checkout, *words: str) -> subprocess.Popen[str]:
    """A release that trains."""
    started = checkout.start(*words)
    for line in started.stdout or ():
        if "epoch 2/" in line:
            return started
    raise AssertionError(started.communicate()[0])


def seeds_of(checkout: Checkout) -> list[str]:
    """The seeds of the trainings that run."""
    found = [words for words in processes_of(checkout).values() if "model.train" in words]
    return [word[7:] for words in found for word in words if word.startswith("--seed=")]
