"""`python -m flows trigger`: one run for one build, followed to its end, and told as it ended."""

from __future__ import annotations

import contextvars
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Pending, Running

from flows.followed import Followed
from flows.runs import Run
from tests.conftest import ROOT
from tests.flows.conftest import SELDOM, Checkout, until
from tests.flows.way import Way

AZURE = {
    "TF_BUILD": "True", "SYSTEM_COLLECTIONURI": "https://dev.azure.com/org/",
    "SYSTEM_TEAMPROJECT": "shop", "BUILD_BUILDID": "77",
}  # fmt: skip


@pytest.fixture(scope="module")
def there(prefect_url, tmp_path_factory) -> Iterator[Checkout]:
    """A checkout beside a server on which ends/here is served."""
    log = tmp_path_factory.mktemp("served") / "log"
    environment = {**os.environ, "PREFECT_API_URL": prefect_url,
                   "PREFECT_RUNNER_POLL_FREQUENCY": "1"}  # fmt: skip
    with log.open("w") as file, subprocess.Popen(
        [sys.executable, "-m", "tests.flows.ends", "here"], cwd=ROOT, env=environment,
        stdout=file, stderr=file,
    ) as served:  # fmt: skip
        while served_here(prefect_url) is None:
            assert served.poll() is None, log.read_text()
            time.sleep(0.2)
        yield Checkout(ROOT, prefect_url)
        served.send_signal(signal.SIGINT)


def served_here(url: str) -> str | None:
    answer = httpx.get(f"{url}/deployments/name/ends/here", trust_env=False)
    return answer.json()["id"] if answer.status_code == 200 else None


def runs_of(there: Checkout) -> list[dict]:
    found = httpx.post(
        f"{there.url}/flow_runs/filter", trust_env=False,
        json={"deployments": {"id": {"any_": [served_here(there.url)]}}, "limit": 200},
    )  # fmt: skip
    return found.raise_for_status().json()


@pytest.mark.parametrize(
    ("how", "code", "kind", "word"),
    [
        ("well", 0, None, "done"),
        ("refused", 3, Failure, "refused"),
        ("unavailable", 4, Error, "unavailable"),
        ("bug", 1, Error, "failed"),
    ],
)
def test_it_ends_as_the_run_ends(there, tmp_path, how, code, kind, word):
    junit, page = tmp_path / "new" / "steps.xml", tmp_path / "new" / "page.md"
    done = there("trigger", "ends/here", "--set", f"how={how}", "--junit", str(junit),
                 "--summary", str(page), **{**AZURE, "BUILD_BUILDID": how})  # fmt: skip

    assert done.returncode == code, done.stdout + done.stderr
    assert (
        "looked | twice\n::error::at **vso[task.complete result=Failed]".replace("\n::", "\n*:")
        in done.stdout
    )
    (suite,) = JUnitXml.fromfile(str(junit))
    looked, decided = suite
    assert (suite.name, suite.tests, suite.skipped) == ("ends/here", 2, 1)
    assert (suite.failures, suite.errors) == (int(kind is Failure), int(kind is Error))
    assert looked.name.startswith("look")
    assert isinstance(looked.result[0], Skipped)
    assert [type(each) for each in decided.result] == ([kind] if kind else [])
    text = page.read_text()
    assert text.startswith(f"### ends/here: {word}\n")
    assert f"]({there.url.removesuffix('/api')}/runs/flow-run/" in text
    assert re.search(r"\| look\S* \| skipped \| \d+\.\d \| nothing changed \|", text)
    assert f"##vso[task.uploadsummary]{page}" in done.stdout
    assert ("##vso[task.logissue type=error]ends/here" in done.stdout) == bool(code)
    if how == "refused":
        assert "accuracy 0.5 is below 0.6%0Alook at the report" in done.stdout
        assert decided.result[0].message == "accuracy 0.5 is below 0.6"


@pytest.mark.slow
def test_a_build_starts_one_run_and_another_only_after_a_bad_end(there):
    words = ("trigger", "ends/here", "--build", "one")
    before = len(runs_of(there))

    first, again = there(*words, "--detach"), there(*words)
    other = there(*words, "--set", "how=refused")
    once_more = there(*words, "--set", "how=refused", "--detach")
    attached = there(*words, "--set", "how=refused", "--attach")

    assert [each.returncode for each in (first, again, other, once_more, attached)] == [
        0, 0, 3, 0, 3,
    ]  # fmt: skip
    assert "started ends/here" in first.stdout
    assert "found ends/here" in again.stdout
    assert "started ends/here" in once_more.stdout
    assert "found ends/here" in attached.stdout
    assert len(runs_of(there)) - before == 3


@pytest.mark.slow
def test_a_job_that_is_cancelled_cancels_the_run(there):
    """The agent of Azure DevOps sends SIGINT, SIGTERM after 7.5 s, and kills 2.5 s later."""
    begun = there.start("trigger", "ends/here", "--set", "seconds=300", "--build", "cancelled")
    for line in begun.stdout:
        if "the run is Running" in line:
            break
    cancelled = time.monotonic()
    begun.send_signal(signal.SIGINT)
    time.sleep(0.01)
    begun.send_signal(signal.SIGTERM)
    said, _ = begun.communicate(timeout=60)

    assert begun.returncode == 130, said
    assert time.monotonic() - cancelled < 7.5
    until(lambda: newest(there)["state"]["type"] == "CANCELLED", seconds=60)
    assert there("trigger", "ends/here", "--set", "seconds=300", "--build", "cancelled",
                 "--attach").returncode == 130  # fmt: skip


@pytest.mark.slow
def test_a_later_job_can_cancel_what_the_build_began(there):
    words = ("trigger", "ends/here", "--set", "seconds=300", "--build", "stopped")
    assert there(*words, "--cancel").returncode == 0
    before = len(runs_of(there))

    assert there(*words, "--detach").returncode == 0
    cancelled = there(*words, "--cancel")
    until(lambda: newest(there)["state"]["type"] == "CANCELLED", seconds=60)
    again = there(*words, "--cancel")

    assert (cancelled.returncode, again.returncode) == (0, 0)
    assert "cancelling" in cancelled.stdout
    assert "no run of ends/here is left" in again.stdout
    assert len(runs_of(there)) == before + 1


def test_a_job_that_is_cancelled_before_it_knows_its_run_cancels_it_as_well(there):
    before = len(runs_of(there))
    with Way(port_of(there), swallowed=b"/create_flow_run") as way:
        begun = there.start("trigger", "ends/here", "--set", "seconds=300", "--build", "unheard",
                            PREFECT_API_URL=way.url)  # fmt: skip
        until(lambda: way.heard > 0)
        begun.send_signal(signal.SIGTERM)
        said, _ = begun.communicate(timeout=60)

    assert begun.returncode == 130, said
    assert len(runs_of(there)) == before + 1
    until(lambda: newest(there)["state"]["type"] == "CANCELLED", seconds=60)


def test_a_run_that_says_it_runs_after_it_was_cancelled_is_told_again(there, prefect_url):
    """As a process does that was about to begin; here, nobody else cancels it."""
    with temporary_settings({PREFECT_API_URL: prefect_url}), get_client(sync_client=True) as client:
        run = client.create_flow_run(beginning, state=Pending())
        cancel = Followed(client, "beginning/nowhere", uuid4()).cancel
        told = (cancel, Run(run.id, "", "", None))
        asked = threading.Thread(target=contextvars.copy_context().run, args=told)
        asked.start()
        until(lambda: client.read_flow_run(run.id).state.is_cancelling(), seconds=20)
        client.set_flow_run_state(run.id, Running())
        asked.join()
        assert client.read_flow_run(run.id).state.is_cancelling()


@flow
def beginning() -> None: ...


def test_a_job_that_is_cancelled_while_the_server_is_away_ends_at_once(there):
    with Way(port_of(there)) as way:
        way.is_open = False
        begun = there.start("trigger", "ends/here", "--build", "nowhere", PREFECT_API_URL=way.url)
        until(lambda: way.refused > 0)
        begun.send_signal(signal.SIGINT)
        said, _ = begun.communicate(timeout=7.5)

    assert begun.returncode == 130, said


@pytest.mark.slow
def test_a_run_that_takes_longer_is_left_alone_and_found_again(there):
    words = ("trigger", "ends/here", "--set", "seconds=12", "--build", "long")

    left = there(*words, "--minutes", "0.05", **AZURE)
    done = there(*words, "--attach")

    assert left.returncode == 4, left.stdout + left.stderr
    assert re.search(r"is \w+ and was left so: http\S+", left.stderr)
    assert "##vso[task.logissue type=error]ends/here" in left.stdout
    assert done.returncode == 0, done.stdout + done.stderr
    assert "found ends/here" in done.stdout


@pytest.mark.slow
def test_a_run_that_waits_for_a_person_holds_no_agent(there):
    words = ("trigger", "ends/here", "--set", "seconds=20", "--build", "asking")
    assert there(*words, "--detach").returncode == 0
    until(lambda: newest(there)["state"]["type"] == "RUNNING")
    run = newest(there)["id"]

    set_state(there, run, "PAUSED")
    left = there(*words, "--attach", "--minutes", "5")
    set_state(there, run, "RUNNING")
    done = there(*words, "--attach", "--minutes", "5")

    assert left.returncode == 4, left.stdout + left.stderr
    assert "waits for a person, who answers at http" in left.stderr
    assert done.returncode == 0, done.stdout + done.stderr


def set_state(there: Checkout, run: str, kind: str) -> None:
    asked = {"state": {"type": kind}, "force": True}
    httpx.post(f"{there.url}/flow_runs/{run}/set_state", json=asked, trust_env=False
               ).raise_for_status()  # fmt: skip


def test_a_line_of_the_log_that_comes_late_is_told_once(there):
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.log_lines import LogLines

    def at(second: int) -> dict[str, object]:
        return {"name": "x", "level": 20, "message": f"line {second}", "flow_run_id": str(run),
                "timestamp": f"2026-11-26T06:00:{second:02}Z"}  # fmt: skip

    with temporary_settings({PREFECT_API_URL: there.url}), get_client(sync_client=True) as client:
        run = uuid4()
        log = LogLines(client, run)
        client.request("POST", "/logs/", json=[at(10), at(20)])
        first = list(log.new())
        client.request("POST", "/logs/", json=[at(15), at(30)])

        assert first == ["06:00:10  line 10", "06:00:20  line 20"]
        assert list(log.new()) == ["06:00:15  line 15", "06:00:30  line 30"]
        assert list(log.new()) == []


def port_of(there: Checkout) -> int:
    return int(re.search(r":(\d+)/", there.url)[1])


def newest(there: Checkout) -> dict:
    return max(runs_of(there), key=lambda run: run["created"])


@pytest.mark.slow
def test_a_killed_trigger_finds_its_run_again(there):
    words = ("trigger", "ends/here", "--set", "seconds=8", "--build", "killed")
    before = len(runs_of(there))
    begun = there.start(*words)
    for line in begun.stdout:
        if "the run is Running" in line:
            break
    begun.kill()
    begun.communicate()

    done = there(*words)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "found ends/here" in done.stdout
    assert len(runs_of(there)) - before == 1


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [5, SELDOM(60)])
def test_a_server_that_is_away_is_waited_for(there, seconds):
    with Way(port_of(there)) as way:
        begun = there.start("trigger", "ends/here", "--set", f"seconds={seconds + 5}",
                            PREFECT_API_URL=way.url)  # fmt: skip
        for line in begun.stdout:
            if "the run is Running" in line:
                break
        way.is_open = False
        time.sleep(seconds)
        way.is_open = True
        said, _ = begun.communicate(timeout=90)

    assert begun.returncode == 0, said
    assert way.refused > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ends/there",), "there are: ends/here"),
        (("ends",), "FLOW/DEPLOYMENT"),
        (("ends/here", "--set", "how"), "NAME=VALUE"),
        (("ends/here", "--set", "seconds=soon"), "does not take these parameters"),
        (("ends/here", "--attach"), "give --build"),
        (("ends/here", "--cancel"), "give --build"),
        (("ends/here", "--attach", "--detach"), "choose one"),
    ],
)
def test_what_cannot_be_meant_is_said(there, words, said):
    done = there("trigger", *words)

    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr


def test_without_a_server_it_says_how_to_name_one(there, tmp_path):
    done = there("trigger", "ends/here", PREFECT_API_URL="", PREFECT_HOME=str(tmp_path))

    assert done.returncode == 2
    assert "PREFECT_API_URL" in done.stderr
