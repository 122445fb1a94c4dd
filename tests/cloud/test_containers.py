"""A version goes live in real containers, behind a real proxy; nothing bad does."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from model.folder import ModelFolder, write_json, write_manifest
from tasks.backends.azure.clients import Clients
from tasks.backends.azure.containers.settings import read_serving
from tasks.backends.azure.endpoints import ContainerEndpoints, open_endpoints
from tasks.records import ModelVersion
from tests.cloud.parts import reached
from tests.cloud.stand_in import StandIn

pytestmark = [pytest.mark.cloud, pytest.mark.image, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    place = tmp_path_factory.mktemp("cloud")
    with reached(place, serves=True) as made:
        yield made
    made.forget()


@pytest.fixture
def endpoints(cloud: StandIn) -> ContainerEndpoints:
    serving = read_serving()
    assert serving
    return open_endpoints(Clients.open(), serving)[0]


@pytest.fixture(scope="module")
def versions(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[ModelVersion]:
    """Three models that differ in the names of their labels."""
    found = []
    for number in (1, 2, 3):
        folder = tmp_path_factory.mktemp("version") / "model"
        shutil.copytree(model_folder, folder, ignore=shutil.ignore_patterns("manifest.json"))
        known = json.loads((folder / "labels.json").read_text())
        write_json(folder / "labels.json", {**known, "labels": [f"bright {number}", "dark"]})
        facts = {k: v for k, v in ModelFolder.read(model_folder).manifest.items()
                 if k not in ("files", "model_digest")}  # fmt: skip
        write_manifest(folder, **facts)
        digest = ModelFolder.read(folder).digest
        found.append(ModelVersion("light", number, digest, folder, {"verdict_key": "v"}))
    return found


def version_at(url: str, cloud: StandIn) -> str:
    headers = {"Authorization": f"Bearer {os.environ['MLOPS_ENDPOINT_KEYS']}"}
    with httpx.Client(verify=str(cloud.bundle)) as client:
        said = client.get(f"{url}/version", headers=headers).raise_for_status().json()
    return str(said["version"])


def test_versions_follow_each_other_at_one_address(cloud, endpoints, versions):
    said: list[str] = []

    first = endpoints.deploy(versions[0], None, said.append)
    second = endpoints.deploy(versions[1], None, said.append)

    assert first.url == second.url
    assert first.url.startswith("https://light-")
    assert version_at(second.url, cloud) == "2"
    assert endpoints.live("light") == second
    assert cloud.groups.live() == ["light-green"]
    assert len(cloud.builds.runs()) == 2
    print("\n".join(said))
