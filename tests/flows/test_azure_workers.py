"""A release by several machines of the stand-in cloud: a real Spark, started from the wheel."""

from __future__ import annotations

import signal

import pytest

from tests.flows.conftest import FAST, IN_AZURE, until, verdicts, versions_in_azure
from tests.flows.test_plan import OPTIONS, plan_and_release

pytestmark = [pytest.mark.cloud, pytest.mark.spark, pytest.mark.timeout(900)]
TWO = ("--workers", "2")


def test_two_machines_check_and_train_as_planned(azure, cloud):
    plan_and_release(azure, cloud, "workers", *OPTIONS, *TWO)

    assert [program_of(run) for run in cloud.runs.all()] == ["check", "train"]
    assert {run["tasks"][0]["new_cluster"]["num_workers"] for run in cloud.runs.all()} == {2}
    assert [version["name"] for version in versions_in_azure(cloud, "light")] == ["1"]
    again = azure(*IN_AZURE, *FAST, *TWO)
    assert set(verdicts(again.stdout).values()) == {"skipped"}
    assert len(cloud.runs.all()) == 2


def test_what_two_machines_refuse_is_named_and_lies_here(azure, flows, cloud):
    cloud.put("images", "light/data_checks.toml", b"least_train_images = 1000\n")

    done = azure(*IN_AZURE, *FAST, *TWO)

    assert done.returncode == 3, done.stdout + done.stderr
    assert "training images" in done.stderr
    (report,) = (flows.state / "azure" / "checks").glob("*/report.json")
    assert (report.parent / "data_docs" / "index.html").is_file()
    assert [program_of(run) for run in cloud.runs.all()] == ["check"]


def test_machines_that_were_lost_while_they_looked_are_asked_again(azure, cloud):
    cloud.runs.end_with = "CLOUD_FAILURE"

    done = azure(*IN_AZURE, *FAST, *TWO)

    assert done.returncode == 0, done.stdout + done.stderr
    ended = [(program_of(run), run["termination"]["code"]) for run in cloud.runs.all()]
    assert ended == [("check", "CLOUD_FAILURE"), ("check", "SUCCESS"), ("train", "SUCCESS")]


def test_a_release_that_is_cancelled_while_machines_look_leaves_no_run(azure, flows, cloud):
    cloud.runs.is_stuck = True
    started = flows.start(*IN_AZURE, *FAST, *TWO, **cloud.environment)
    until(lambda: [program_of(run) for run in cloud.runs.active()] == ["check"])

    started.send_signal(signal.SIGINT)
    printed = started.communicate(timeout=60)

    assert started.returncode == 130, printed
    assert cloud.runs.active() == []


def program_of(run) -> str:
    return run["tasks"][0]["python_wheel_task"]["entry_point"]
