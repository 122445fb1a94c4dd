"""`python -m flows trigger`: one run for one build, followed to its end, and told as it ended."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from xml.etree import ElementTree

import httpx
import pytest

from flows.cli import UsageError
from flows.trigger import build_of, key_of, parameters_of
from tests.conftest import ROOT
from tests.flows.conftest import SELDOM, Checkout

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
    ("how", "code", "counts", "word"),
    [
        ("well", 0, {"failures": "0", "errors": "0", "skipped": "1"}, "done"),
        ("refused", 3, {"failures": "1", "errors": "0", "skipped": "1"}, "refused"),
        ("unavailable", 4, {"failures": "0", "errors": "1", "skipped": "1"}, "unavailable"),
        ("bug", 1, {"failures": "0", "errors": "1", "skipped": "1"}, "failed"),
    ],
)
def test_it_ends_as_the_run_ends(there, tmp_path, how, code, counts, word):
    junit, page = tmp_path / "new" / "steps.xml", tmp_path / "new" / "page.md"
    done = there("trigger", "ends/here", "--set", f"how={how}", "--junit", str(junit),
                 "--summary", str(page), **{**AZURE, "BUILD_BUILDID": how})  # fmt: skip

    assert done.returncode == code, done.stdout + done.stderr
    assert "looked | twice" in done.stdout
    suite = ElementTree.parse(junit).getroot()  # noqa: S314 (our own)
    assert (suite.tag, suite.get("name"), suite.get("tests")) == ("testsuite", "ends/here", "2")
    assert {name: suite.get(name) for name in counts} == counts
    assert [case.get("name")[:4] for case in suite] == ["look", "deci"]
    text = page.read_text()
    assert text.startswith(f"### ends/here: {word}\n")
    assert re.search(r"\| look\S* \| skipped \| \d+\.\d \| nothing changed \|", text)
    assert f"##vso[task.uploadsummary]{page}" in done.stdout
    assert ("##vso[task.logissue type=error]ends/here" in done.stdout) == bool(code)
    if how == "refused":
        assert "accuracy 0.5 is below 0.6%0Alook at the report" in done.stdout
        assert suite.find("testcase/failure").get("message") == "accuracy 0.5 is below 0.6"


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


def test_a_job_that_is_cancelled_cancels_the_run(there):
    begun = there.start("trigger", "ends/here", "--set", "seconds=300", "--build", "cancelled")
    for line in begun.stdout:
        if "the run is Running" in line:
            break
    begun.send_signal(signal.SIGTERM)
    said, _ = begun.communicate(timeout=60)

    assert begun.returncode == 130, said
    until = time.monotonic() + 60
    while (state := newest(there)["state"]["type"]) != "CANCELLED":
        assert time.monotonic() < until, state
        time.sleep(0.5)
    assert there("trigger", "ends/here", "--set", "seconds=300", "--build", "cancelled",
                 "--attach").returncode == 130  # fmt: skip


def newest(there: Checkout) -> dict:
    return max(runs_of(there), key=lambda run: run["created"])


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


@pytest.mark.parametrize("seconds", [5, SELDOM(60)])
def test_a_server_that_is_away_is_waited_for(there, seconds):
    with Way(int(re.search(r":(\d+)/", there.url)[1])) as way:
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


def test_settings_become_the_parameters_of_a_flow():
    assert parameters_of(("data=az://x/y", "config.epochs=3", "config.seed=1", "deploy=false")) == {
        "data": "az://x/y", "config": {"epochs": 3, "seed": 1}, "deploy": False,
    }  # fmt: skip
    with pytest.raises(UsageError, match="given a value before"):
        parameters_of(("config=1", "config.epochs=3"))


def test_a_build_is_known_by_what_its_agent_says():
    github = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b",
              "GITHUB_RUN_ID": "5"}  # fmt: skip
    assert build_of({}) is None
    assert build_of(AZURE) == "https://dev.azure.com/org/shop/77"
    assert build_of(github) == "https://github.com/a/b/5"
    assert key_of("b", "d", {"x": 1}) != key_of("b", "d", {"x": 2})


class Way:
    """A way to a port of this machine that can be closed: connections end, new ones are refused."""

    def __init__(self, port: int) -> None:
        self._port, self.is_open, self.refused = port, True, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/api"

    def __enter__(self) -> Way:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                if self.is_open:
                    other = socket.create_connection(("127.0.0.1", self._port))
                    for pair in ((caller, other), (other, caller)):
                        threading.Thread(target=self._carry, args=pair, daemon=True).start()
                else:
                    self.refused += 1
                    caller.close()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        source.settimeout(0.2)
        with contextlib.suppress(OSError), source, target:
            while self.is_open:
                try:
                    data = source.recv(65536)
                except TimeoutError:
                    continue
                if not data:
                    return
                target.sendall(data)
