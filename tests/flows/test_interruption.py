"""Killed, interrupted, twice at once: the next run ends well, and nothing is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import httpx
import psutil
import pytest

from tests.flows.conftest import (
    FAST,
    SELDOM,
    free_port,
    processes_of,
    registered,
    url_of,
    verdicts,
    version_at,
)


def test_a_killed_flow_is_continued_and_trains_once(flows, pictures):
    words = ("release", "--data", str(pictures), "--epochs", "30", "--patience", "0")
    begun = flows.start(*words)
    for line in begun.stdout:
        if "epoch 2/" in line:
            break
    begun.kill()
    begun.wait()

    done = flows(*words)

    assert done.returncode == 0, done.stdout + done.stderr
    (log,) = (flows.state / "runs").glob("*/train.log")
    assert log.read_text().count("epoch 1/30") == 1
    assert trainers_of(flows) == []
    assert len(registered(flows)) == 1


@pytest.mark.slow
def test_checks_that_were_begun_anew_and_killed_are_made_again(released, pictures):
    words, reports = ("release", "--data", str(pictures), *FAST), reports_of(released)
    begun = released.start(*words, "--force")
    while reports_of(released) == reports:
        assert begun.poll() is None
        time.sleep(0.01)
    begun.kill()
    begun.communicate()

    done = released(*words)

    assert done.returncode == 0, done.stdout + done.stderr
    assert verdicts(done.stdout)["validate"] == "done"
    assert reports_of(released) == reports


@pytest.mark.slow
@pytest.mark.parametrize("word", [SELDOM(signal.SIGINT), signal.SIGTERM])
def test_an_interrupted_flow_leaves_no_trainer(flows, pictures, word):
    begun = flows.start("release", "--data", str(pictures), "--epochs", "900", "--patience", "0")
    for line in begun.stdout:
        if "epoch 1/" in line:
            break
    begun.send_signal(word)
    rest = begun.stdout.read()

    assert begun.wait(60) == 130, rest
    assert "continues where this one stopped" in rest
    assert trainers_of(flows) == []


@pytest.mark.parametrize("word", [signal.SIGINT, SELDOM(signal.SIGTERM)])
def test_ctrl_c_reaches_the_whole_group_and_ends_it(flows, pictures, word):
    """As a terminal sends it, and `timeout`; with the Prefect server that the command starts."""
    environment = {k: v for k, v in flows.environment.items() if k != "PREFECT_API_URL"}
    begun = subprocess.Popen(
        [sys.executable, "-m", "flows", "release", "--data", str(pictures), "--epochs", "900",
         "--patience", "0"],
        cwd=flows.root, env=environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    for line in begun.stdout:
        if "epoch 1/" in line:
            break
    os.killpg(begun.pid, word)
    rest = begun.stdout.read()

    assert begun.wait(60) == 130, rest
    assert "continues where this one stopped" in rest
    assert trainers_of(flows) == []


@pytest.mark.slow
def test_the_second_of_two_releases_waits_for_the_first(flows, pictures):
    words = ("release", "--data", str(pictures), *FAST)
    both = [flows.start(*words) for _ in range(2)]

    printed = [each.communicate(timeout=200)[0] for each in both]

    assert [each.returncode for each in both] == [0, 0], printed
    assert sum("waiting up to" in text for text in printed) == 1
    assert sorted(verdicts(text)["train"] for text in printed) == ["done", "skipped"]
    assert len(registered(flows)) == 1


def test_a_dead_service_is_told_and_restored(released, pictures):
    url = url_of(released)
    psutil.Process(version_at(url)["pid"]).kill()
    time.sleep(0.2)
    assert released("status").returncode == 4

    assert released("status", "--repair").returncode == 0

    assert version_at(url)["name"] == "light"
    assert released("status").returncode == 0


def test_a_stopped_endpoint_is_no_failure_and_comes_back_when_asked(released, pictures):
    words = ("release", "--data", str(pictures), *FAST, "--port", free_port())
    assert released(*words).returncode == 0
    url = url_of(released)
    assert released("stop").returncode == 0

    after = released("status", "--repair")

    assert after.returncode == 0, after.stdout
    assert "stopped" in after.stdout
    with pytest.raises(httpx.ConnectError):
        version_at(url)
    assert released(*words[:-2]).returncode == 0
    assert version_at(url)["name"] == "light"


def reports_of(checkout) -> list[str]:
    return sorted(path.parent.name for path in checkout.state.glob("checks/*/report.json"))


def trainers_of(checkout) -> list[int]:
    return [pid for pid, words in processes_of(checkout).items() if "model.train" in words]
