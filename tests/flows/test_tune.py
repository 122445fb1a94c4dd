"""``python -m flows tune``: from images to the command that releases the best configuration."""

from __future__ import annotations

import json
import re
import shlex
import signal

import httpx
import psutil
import pytest

from tests.flows.conftest import SELDOM, copied, processes_of

FEW = ("--trials", "2", "--epochs", "2")


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, prefect_url, pictures):
    """A checkout on which a small search was made, and what the command printed."""
    made = copied(tmp_path_factory.mktemp("tuned") / "checkout", prefect_url)
    done = made("tune", "--data", str(pictures), *FEW)
    assert done.returncode == 0, done.stdout + done.stderr
    return made, done.stdout


def test_it_says_each_trial_each_epoch_and_the_best_at_the_end(tuned):
    checkout, printed = tuned

    for number in (1, 2):
        assert f"trial {number}/2  learning rate" in printed
        assert f"trial {number}/2  epoch 2/2  loss" in printed
    assert re.search(r"^trial +validation loss +validation accuracy", printed, re.MULTILINE)
    assert not (checkout.state / "evidence").exists()  # nothing went live


def test_the_line_at_the_end_asks_a_release_for_what_was_found(tuned, pictures):
    checkout, printed = tuned
    line = printed.strip().splitlines()[-1]

    (best,) = checkout.state.glob("tune/*/out/best.json")

    assert asked_for(line).model_dump(mode="json") == json.loads(best.read_text())
    again = checkout("tune", "--data", str(pictures), *FEW, "--quiet")
    assert again.stdout.strip() == line


def test_what_was_found_is_shown_in_prefect(tuned, prefect_url):
    pages = httpx.post(
        f"{prefect_url}/artifacts/filter", timeout=20, trust_env=False,
        json={"artifacts": {"key": {"any_": ["tuning"]}}, "sort": "CREATED_DESC", "limit": 1},
    ).json()  # fmt: skip

    page = pages[0]["data"]
    assert "| trial | validation loss |" in page
    assert "python -m flows release --data" in page
    assert page.count("data:image/png;base64,") == 3


@pytest.mark.endurance  # its halves are in tests/contract and in test_interruption.py
def test_a_killed_command_goes_on_and_makes_no_trial_twice(flows, pictures):
    words = ("tune", "--data", str(pictures), "--trials", "2", "--epochs", "12")
    begun = started(flows, *words)
    begun.kill()
    begun.wait()

    done = flows(*words)

    assert done.returncode == 0, done.stdout + done.stderr
    (log,) = flows.state.glob("tune/*/tune.log")
    assert log.read_text().count("trial 1/2  epoch 1/") == 1
    assert tuners_of(flows) == []


@pytest.mark.endurance
def test_a_killed_tuner_is_started_again_by_the_command(flows, pictures):
    begun = started(flows, "tune", "--data", str(pictures), "--trials", "2", "--epochs", "12")
    for pid in tuners_of(flows):
        psutil.Process(pid).kill()

    printed = begun.stdout.read()

    assert begun.wait() == 0, printed
    assert "the search was lost" in printed
    assert "goes on after epoch" in printed


@pytest.mark.parametrize("word", [signal.SIGINT, SELDOM(signal.SIGTERM)])
def test_an_interrupted_command_leaves_no_tuner(flows, pictures, word):
    begun = started(flows, "tune", "--data", str(pictures), "--epochs", "900", "--patience", "0")

    begun.send_signal(word)
    rest = begun.stdout.read()

    assert begun.wait(60) == 130, rest
    assert "continues where this one stopped" in rest
    assert tuners_of(flows) == []


@pytest.mark.slow
def test_the_second_of_two_searches_waits_and_a_release_does_not(flows, pictures):
    words = ("tune", "--data", str(pictures), "--trials", "2", "--epochs", "900", "--patience", "0")
    first = started(flows, *words)
    second = flows.start(*words)
    for line in second.stdout:
        if "waiting up to" in line:
            break

    stopped = flows("stop")

    assert first.poll() is None
    assert stopped.returncode == 0, stopped.stderr
    for command in (second, first):
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=60)
    assert tuners_of(flows) == []


def started(flows, *words):
    """The command, begun, when its first trial told its second epoch: the first one is noted."""
    begun = flows.start(*words)
    for line in begun.stdout:
        if re.search(r"trial 1/\d+  epoch 2/", line):
            return begun
    raise AssertionError(f"it ended with {begun.wait()}")


def asked_for(line: str):
    """The configuration that the command ``line`` asks for, by the command line's own reading."""
    from flows.cli import app

    words = shlex.split(line)
    assert words[:4] == ["python", "-m", "flows", "release"]
    _, bound, _ = app.parse_args(words[3:], exit_on_error=False, print_error=False)
    return bound.arguments["config"]


def tuners_of(checkout) -> list[int]:
    return [pid for pid, words in processes_of(checkout).items() if "model.tune" in words]
