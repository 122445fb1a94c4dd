"""Killed at random moments, ten times each: the next run ends well and nothing is left behind."""

from __future__ import annotations

import contextlib
import random
import time

import psutil
import pytest

from tests.endurance.conftest import digests_of_versions
from tests.flows.conftest import FAST, processes_of, url_of, version_at

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(1800)]
TIMES = 10


def test_the_flow(served, pictures, steady):
    whole = seconds_of(served, words(pictures, seed=1))
    with steady:
        for moment, seed in moments(whole, first_seed=2):
            change_the_code(served, seed)
            begun = served.start(*words(pictures, seed=seed), "--force")
            time.sleep(moment)
            print(
                f"flow killed after {moment:.1f} of {whole:.1f} s: was alive {begun.poll() is None}"
            )
            begun.kill()
            begun.communicate()

            ends_well(served, words(pictures, seed=seed))
    assert steady.failures == []


def test_the_trainer(served, pictures, steady):
    with steady:
        for moment, seed in moments(4, first_seed=2):
            begun = served.start(*words(pictures, seed=seed))
            trainer = first_trainer(served, begun)
            time.sleep(moment)
            was_alive = trainer.is_running()
            with contextlib.suppress(psutil.NoSuchProcess):
                trainer.kill()
            print(f"trainer killed after {moment:.1f} s: was alive {was_alive}")
            printed, _ = begun.communicate(timeout=120)

            assert begun.returncode in (0, 4), printed
            ends_well(served, words(pictures, seed=seed))
    assert steady.failures == []


@pytest.mark.parametrize("mended_by", ["release", "repair"])
def test_the_service(served, pictures, mended_by):
    whole = seconds_of(served, words(pictures, seed=1))
    for moment, seed in moments(whole, first_seed=2, times=TIMES // 2):
        url = url_of(served)
        begun = served.start(*words(pictures, seed=seed))
        time.sleep(moment)
        psutil.Process(version_at(url)["pid"]).kill()
        printed, _ = begun.communicate(timeout=120)
        print(
            f"service killed after {moment:.1f} s of a release, which ended with {begun.returncode}"
        )

        assert begun.returncode in (0, 4), printed
        if mended_by == "repair":
            repaired = served("status", "--repair")
            assert repaired.returncode == 0, repaired.stdout + repaired.stderr
            assert version_at(url_of(served))["digest"] in digests_of_versions(served)
        ends_well(served, words(pictures, seed=seed))


def words(pictures, seed: int) -> tuple[str, ...]:
    return ("release", "--data", str(pictures), *FAST, "--seed", str(seed))


def moments(within_s: float, first_seed: int, times: int = TIMES) -> list[tuple[float, int]]:
    """Random moments, one in each of as many equal parts of the time, each with a new seed."""
    part = within_s / times
    chosen = [(at + random.random()) * part for at in range(times)]
    return [(moment, first_seed + at) for at, moment in enumerate(chosen)]


def seconds_of(checkout, command) -> float:
    began = time.monotonic()
    assert checkout(*command, "--force").returncode == 0
    return time.monotonic() - began


def change_the_code(checkout, seed: int) -> None:
    """So that every stage has work to do."""
    network = checkout.root / "model" / "network.py"
    network.write_text(f"{network.read_text()}# change {seed}\n")


def first_trainer(checkout, begun) -> psutil.Process:
    while begun.poll() is None:
        for pid, command in processes_of(checkout).items():
            if "model.train" in command:
                return psutil.Process(pid)
        time.sleep(0.02)
    raise AssertionError(begun.stdout.read())


def ends_well(checkout, command) -> None:
    """The next run succeeds, serves what it made, once registered, and leaves one process."""
    done = checkout(*command)
    assert done.returncode == 0, done.stdout + done.stderr

    versions = digests_of_versions(checkout)
    assert len(versions) == len(set(versions)), versions
    serving = version_at(url_of(checkout))
    assert serving["digest"] == versions[int(serving["version"]) - 1]
    assert list(processes_of(checkout)) == [serving["pid"]]
