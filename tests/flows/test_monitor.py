"""``python -m flows monitor`` and ``label``: over HTTP, by the service's own capture."""

from __future__ import annotations

import base64
import json
import re
import time
from pathlib import Path

import httpx
import numpy as np
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from tests.conftest import encoded
from tests.flows.conftest import FAST, copied, url_of

# Some ten commands, each of which imports for seconds.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

A_FILE = 1000  # captured images with which the service writes one at once
SHARE = 0.1  # of the images that it captures
A_REQUEST = 60


@pytest.fixture(scope="module")
def watched(tmp_path_factory, prefect_url, pictures):
    """A checkout with an endpoint of its own, called ``lamp``."""
    made = copied(tmp_path_factory.mktemp("watched") / "checkout", prefect_url)
    done = made("release", "--data", str(pictures), "--name", "lamp", *FAST)
    assert done.returncode == 0, done.stdout + done.stderr
    yield made
    made("stop")


@pytest.fixture(scope="module")
def test_images(pictures) -> list[Image.Image]:
    return [Image.open(file) for file in sorted((pictures / "test").rglob("*.png"))]


def send(checkout, images: list[Image.Image], light: float = 1.0, mark: str = "") -> list[str]:
    """Ask about some thousand images of these, until a file of captured ones was written."""
    changed = [Image.fromarray((np.asarray(each) * light).astype(np.uint8)) for each in images]
    codes = [base64.b64encode(encoded(each)).decode() for each in changed]
    url, before = url_of(checkout), captured_of(checkout)
    random, answered = np.random.default_rng(3), []
    with httpx.Client(base_url=url, timeout=20, trust_env=False) as client:
        for number in range(int(A_FILE / SHARE / A_REQUEST * 1.3)):
            body = {"images": [codes[at] for at in random.integers(0, len(codes), A_REQUEST)]}
            named = {"X-Request-Id": f"{mark}-{number}"} if mark else {}
            answer = client.post("/score", json=body, headers=named)
            answered += [each["label"] for each in answer.raise_for_status().json()["predictions"]]
    end = time.monotonic() + 90  # at the latest, a minute after the file before
    while captured_of(checkout) < before + A_FILE:
        assert time.monotonic() < end
        time.sleep(0.1)
    return answered


def files_of(checkout) -> list[Path]:
    return sorted((checkout.state / "endpoints/lamp/traffic").glob("*.parquet"))


def captured_of(checkout, mark: str = "") -> int:
    """Images in the files, of requests whose id begins so."""
    ids = [
        each
        for file in files_of(checkout)
        for each in parquet.read_table(file)["request_id"].to_pylist()
    ]
    return sum(each.startswith(mark) for each in ids)


def events_of(url: str) -> list[dict]:
    asked = {"filter": {"event": {"name": ["mlops.drift.detected"]}}, "limit": 50}
    found = httpx.post(f"{url}/events/filter", json=asked, trust_env=False).json()["events"]
    return [each for each in found if each["payload"]["endpoint"] == "lamp"]


def test_the_monitor_from_its_first_run_to_one_call_for_a_retraining(
    watched, test_images, prefect_url
):
    first = watched("monitor")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "no verdict, too few samples: 0 windows of 250 images" in first.stdout
    assert "│ 12 requests, 0 with" in first.stdout  # the replay before it went live

    send(watched, test_images)
    steady = watched("monitor", "--name", "lamp")
    assert steady.returncode == 0, steady.stdout + steady.stderr
    assert "steady over the newest" in steady.stdout
    assert events_of(prefect_url) == []

    runs = []
    while len(runs) < 4 and sum("was called for" in run.stdout for run in runs[:-1]) < 1:
        send(watched, test_images, light=0.4)
        runs.append(watched("monitor", "--quiet"))
        assert runs[-1].returncode == 0, runs[-1].stdout + runs[-1].stderr
    assert "drift: " in runs[-1].stdout
    assert "no call for a retraining before" in runs[-1].stdout
    (event,) = events_of(prefect_url)
    assert "brightness" in {each["statistic"] for each in event["payload"]["statistics"]}
    page = Path(event["payload"]["report"].removeprefix("file://")).read_text(encoding="utf-8")
    assert "Calls for a retraining" in page


def test_each_run_leaves_a_page_in_prefect(watched, prefect_url):
    pages = httpx.post(
        f"{prefect_url}/artifacts/latest/filter", timeout=20, trust_env=False,
        json={"artifacts": {"key": {"any_": ["drift-lamp"]}}},
    ).json()  # fmt: skip
    assert "data:image/png;base64," in pages[0]["data"]
    assert "| statistic | distance |" in pages[0]["data"]


def test_labels_that_come_later_give_the_live_accuracy(watched, test_images, tmp_path):
    lines = ["request_id,at,label"]
    for attempt in range(4):  # what is captured waits for a thousand others before it is written
        answered = send(watched, test_images, mark=f"late{attempt}")
        lines += [
            f"late{attempt}-{at // A_REQUEST},{at % A_REQUEST},{label}"
            for at, label in enumerate(answered)
        ]
        if captured_of(watched, "late") >= 500:
            break
    file = tmp_path / "labels.csv"
    file.write_text("\n".join(lines), encoding="utf-8")

    done = watched("label", str(file))

    assert done.returncode == 0, done.stdout + done.stderr
    found, rows = re.search(r"([\d,]+) of ([\d,]+) labels belong", done.stdout).groups()
    assert int(rows.replace(",", "")) == len(lines) - 1
    assert int(found.replace(",", "")) >= 500
    assert "1.0000 by 500 delayed labels" in done.stdout


def test_what_makes_no_sense_is_told_with_its_way_out(watched):
    nowhere = watched("label", "nowhere.csv")
    unknown = watched("monitor", "--name", "torch")
    rules = watched("monitor", "--drifting", "6")

    assert (nowhere.returncode, unknown.returncode, rules.returncode) == (2, 3, 2)
    assert "nowhere.csv does not exist" in nowhere.stderr
    assert "there are: lamp" in unknown.stderr
    assert "usage: drift in 6 of 5 windows cannot be" in rules.stderr


@pytest.mark.endurance  # its halves are in tests/tasks/monitor/test_conclude.py
def test_a_killed_monitor_goes_on(watched, test_images):
    send(watched, test_images)
    state = watched.state / "monitor" / "lamp.json"
    before = json.loads(state.read_text())
    begun = watched.start("monitor")
    for line in begun.stdout:
        if "new windows of 250" in line:
            break
    begun.kill()
    begun.communicate()

    done = watched("monitor")

    assert done.returncode == 0, done.stdout + done.stderr
    after = json.loads(state.read_text())
    assert len(after["windows"]) >= len(before["windows"]) + 4
    spans = [(window["began"], window["ended"]) for window in after["windows"]]
    assert spans == sorted(set(spans))
