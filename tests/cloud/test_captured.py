"""What container groups keep of their traffic reaches the monitor, and nobody else."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from data_checks.drift.rules import DriftRules
from model.folder import ModelFolder
from tasks.backends.azure import azure_backend
from tasks.monitor.captured import COLUMNS, collect
from tasks.monitor.observe import read_counters
from tasks.monitor.records import Cursor
from tasks.ports import Backend
from tasks.records import ModelVersion
from tests.cloud.container_groups.groups import GROUPS
from tests.cloud.parts import reached
from tests.cloud.stand_in import StandIn
from tests.conftest import encoded, picture
from tests.flows.conftest import until
from tests.infra.engine import require_tools

pytestmark = [pytest.mark.cloud, pytest.mark.image, pytest.mark.timeout(900)]
KEY = "the-key-of-the-monitor"
REQUESTS, TOGETHER = 40, 25  # with a thousand rows a service writes at once


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    require_tools()
    with reached(tmp_path_factory.mktemp("cloud"), serves=True) as made:
        yield made
    made.forget()


@pytest.fixture(scope="module")
def capturing(cloud: StandIn) -> Iterator[Backend]:
    """A backend whose services keep all of their traffic."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_CAPTURE_KEY", KEY)
        patch.setenv("MLOPS_CAPTURE_SHARE", "1")
        yield azure_backend()


def test_what_groups_captured_is_fetched_once_and_outlives_them(
    cloud: StandIn, capturing: Backend, model_folder: Path
) -> None:
    endpoints, traffic = capturing.endpoints, capturing.traffic
    assert endpoints
    assert traffic
    digest = ModelFolder.read(model_folder).digest
    live = endpoints.deploy(ModelVersion("kept", 1, digest, model_folder, {}), None, print)
    ask(live.url, cloud)
    said: list[str] = []

    def is_fetched() -> bool:
        traffic.fetch("kept", said.append)
        return bool(traffic.files("kept"))

    until(is_fetched, seconds=90)
    with traffic.asking(live.url) as client:
        counted = read_counters(client, DriftRules().slow_s)
    files = traffic.files("kept")
    traffic.fetch("kept", said.append)
    endpoints.stop("kept")
    traffic.fetch("kept", said.append)
    found = collect(traffic, "kept", digest, 2, Cursor(), said.append)

    assert "1 new files of captured traffic from kept-blue" in said
    assert said[-1].startswith("0 new files")
    assert traffic.files("kept") == files
    assert len(found.times) == REQUESTS * TOGETHER
    assert counted
    assert counted.requests >= REQUESTS
    assert traffic.read("kept", "none.parquet", COLUMNS) is None
    everything = (cloud.folder / "exchanges.jsonl").read_text()
    assert KEY not in everything
    assert base64.b64encode(KEY.encode()).decode() not in everything


def test_what_cannot_be_had_is_told_and_the_rest_goes_on(
    cloud: StandIn, capturing: Backend, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoints = capturing.endpoints
    assert endpoints
    digest = ModelFolder.read(model_folder).digest
    monkeypatch.setenv("MLOPS_CAPTURE_KEY", "another-key-of-the-monitor")
    mistaken = azure_backend().traffic
    assert mistaken
    endpoints.deploy(ModelVersion("kept", 1, digest, model_folder, {}), None, print)
    said: list[str] = []

    mistaken.fetch("kept", said.append)

    assert "cannot be had now" in said[0]
    assert "401" in said[0]
    group = cloud.groups.known.get(f"{GROUPS}/{cloud.groups.live()[0]}")
    assert [each["name"] for each in group["properties"]["volumes"]] == ["keys", "captured"]
    monkeypatch.delenv("MLOPS_CAPTURE_KEY")
    assert azure_backend().traffic is None


def ask(url: str, cloud: StandIn) -> None:
    image = base64.b64encode(encoded(picture(1))).decode()
    key = {"Authorization": f"Bearer {os.environ['MLOPS_ENDPOINT_KEYS']}"}
    with httpx.Client(verify=str(cloud.bundle), headers=key, timeout=30) as client:
        for _ in range(REQUESTS):
            client.post(f"{url}/score", json={"images": [image] * TOGETHER}).raise_for_status()
