"""The champion is in the registry that workspaces share: the same bytes, number and lineage."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from model.folder import ModelFolder
from tasks.backends.azure.clients import Clients
from tasks.errors import Refused, Transient
from tasks.records import Approved, Candidate, ModelVersion
from tests.cloud.parts import Parts, parts
from tests.cloud.subscription.registries import PLACE, REGISTRY
from tests.cloud.wire.faults import Fault

pytestmark = pytest.mark.cloud


@pytest.fixture
def on(relayed, tmp_path, monkeypatch) -> Parts:
    monkeypatch.setenv("AZUREML_REGISTRY_NAME", REGISTRY)
    return parts(relayed, tmp_path)


def registered(on: Parts, folder: Path) -> ModelVersion:
    found = ModelFolder.read(folder)
    candidate = Candidate(None, folder, found.digest, "test", 1.0)
    tags = {"model_digest": found.digest, "accuracy": "1.0"}
    return on.registry.register(Approved(candidate, None), on.name, tags)


def shared(on: Parts) -> list[dict]:
    return on.cloud.registries.known.below(f"{PLACE}/models/{on.name}/versions")


def test_the_champion_is_shared_once_with_its_number_lineage_and_files(on, model_folder, tmp_path):
    version = registered(on, model_folder)
    assert shared(on) == []

    on.registry.crown(version)
    on.registry.crown(on.registry.versions(on.name)[0])

    (found,) = shared(on)
    assert found["name"] == "1"
    assert found["properties"]["tags"] == {"model_digest": version.digest, "accuracy": "1.0"}
    puts = [each for each in on.cloud.record.exchanges("registries") if each["method"] == "PUT"
            and re.search(f"/models/{on.name}/versions/1", each["url"])]  # fmt: skip
    assert len(puts) == 1
    there = Clients.open().shared._client().models
    there.download(on.name, version="1", download_path=tmp_path / "there")
    manifest = next((tmp_path / "there").rglob("manifest.json"))
    taken = ModelFolder.read(manifest.parent)
    taken.verify()
    assert taken.digest == version.digest


def test_another_model_under_that_number_is_refused(on, model_folder):
    version = registered(on, model_folder)
    place = f"{PLACE}/models/{on.name}/versions/1"
    properties = {"tags": {"model_digest": "other"}, "properties": {}, "flavors": {},
                  "modelUri": "azureml://x"}  # fmt: skip
    found = f"azureml://registries/{REGISTRY}/models/{on.name}/versions/1"
    on.cloud.registries.known.put(place, {"id": found, "name": "1", "properties": properties})

    with pytest.raises(Refused, match=r"is another model there \(digest other"):
        on.registry.crown(version)

    assert shared(on)[0]["properties"]["tags"]["model_digest"] == "other"


def test_an_unknown_registry_is_refused(on, model_folder, monkeypatch):
    monkeypatch.setenv("AZUREML_REGISTRY_NAME", "nowhere")
    with pytest.raises(Refused, match="Registry nowhere was not found"):
        Clients.open().shared.put(registered(on, model_folder))


@pytest.mark.parametrize("path", ["/discovery", "/versions/1", "/tempdatarefs"])
def test_a_fault_on_the_way_is_made_good_by_the_next_try(on, model_folder, path):
    version = registered(on, model_folder)
    for method in ("GET", "PUT"):
        on.cloud.registries.site.faults.add(Fault(method, path, status=None, when="after"))

    for _ in range(3):
        try:
            on.registry.crown(version)
        except Transient:
            continue
        break

    assert len(shared(on)) == 1
    on.cloud.registries.site.faults.clear()
