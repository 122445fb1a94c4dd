"""The template, worked out for real: what it makes, in which order, behind which doors."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError

from tasks.backends.azure.containers.front_door import FrontDoor, Share
from tasks.backends.azure.containers.settings import ServingSettings, read_serving
from tasks.backends.azure.settings import AzureSettings, read_settings
from tests.cloud.deployments.empty_estate import DEV, PLACES, PROD
from tests.cloud.deployments.expressions import Wrong
from tests.cloud.deployments.ours import NAME, deployed, properties, settings, template
from tests.cloud.deployments.template import DEPLOYMENTS

GIVEN = {
    "volume": "/Volumes/main/mlops/files",
    "baseImage": f"python:3.12-slim-bookworm@sha256:{'0' * 64}",
}


def only(estate, kind: str) -> dict[str, Any]:
    """The one resource of that type: its properties."""
    (found,) = estate.of_kind(kind)
    return dict(found["properties"])


def test_all_is_made_in_an_order_that_works_and_a_second_time_nothing_changes(estate, runs):
    deployed(runs)
    made, before = list(estate.made), copy.deepcopy(estate.all())
    deployed(runs)

    assert {each["type"] for each in before} == {
        each["type"] for each in template()["resources"] if each["type"] != DEPLOYMENTS
    } | {DEPLOYMENTS}
    assert len(made) > 20
    assert estate.made == made
    assert estate.all() == before


@pytest.mark.parametrize(
    ("kind", "lacks"),
    [
        ("Microsoft.MachineLearningServices/workspaces", "storageAccounts|vaults|components"),
        ("Microsoft.Storage/storageAccounts/blobServices", "storageAccounts"),
        ("Microsoft.Storage/storageAccounts/blobServices/containers", "blobServices/default"),
        ("Microsoft.Insights/components", "OperationalInsights/workspaces"),
        ("Microsoft.Cdn/profiles/afdEndpoints", "Cdn/profiles"),
        ("Microsoft.Authorization/roleAssignments", "userAssignedIdentities|storageAccounts|afd"),
        (DEPLOYMENTS, "userAssignedIdentities|registries|workspaces|profiles"),
    ],
)
def test_an_order_that_is_left_to_chance_would_be_found(runs, kind, lacks):
    document = properties("dev")
    for each in document["template"]["resources"]:
        if each["type"] == kind:
            each.pop("dependsOn", None)

    with pytest.raises(Wrong, match=f"ResourceNotFound: .*({lacks})"):
        runs.run(NAME, PLACES[DEV], document)


def test_the_doors_are_shut(estate, runs):
    deployed(runs)

    account = only(estate, "Microsoft.Storage/storageAccounts")
    assert (account["allowSharedKeyAccess"], account["allowBlobPublicAccess"]) == (False, False)
    assert (account["minimumTlsVersion"], account["supportsHttpsTrafficOnly"]) == ("TLS1_2", True)
    blobs = only(estate, "Microsoft.Storage/storageAccounts/blobServices")
    assert blobs["deleteRetentionPolicy"] == {"enabled": True, "days": 7}
    assert blobs["containerDeleteRetentionPolicy"] == {"enabled": True, "days": 7}
    containers = estate.of_kind("Microsoft.Storage/storageAccounts/blobServices/containers")
    assert {each["name"]: each["properties"]["publicAccess"] for each in containers} == {
        "images": "None", "mlops": "None",
    }  # fmt: skip
    vault = only(estate, "Microsoft.KeyVault/vaults")
    assert (vault["enableRbacAuthorization"], vault["enableSoftDelete"]) == (True, True)
    registry = only(estate, "Microsoft.ContainerRegistry/registries")
    assert (registry["adminUserEnabled"], registry["anonymousPullEnabled"]) == (False, False)
    databricks = only(estate, "Microsoft.Databricks/workspaces")
    assert databricks["parameters"]["enableNoPublicIp"] == {"value": True}
    assert all(each["tags"]["environment"] == "dev" for each in estate.all() if "sku" in each)


def test_what_is_lost_in_prod_can_be_had_back_for_long(estate, runs):
    deployed(runs, "prod", source="")

    vault = only(estate, "Microsoft.KeyVault/vaults")
    assert (vault["enablePurgeProtection"], vault["softDeleteRetentionInDays"]) == (True, 90)
    assert only(estate, "Microsoft.Storage/storageAccounts/blobServices")[
        "containerDeleteRetentionPolicy"] == {"enabled": True, "days": 90}  # fmt: skip


def test_prod_shares_the_registry_of_dev_and_nothing_else(estate, runs):
    registry = deployed(runs)["registry"]
    outputs = deployed(runs, "prod", registry=registry, source="")

    (held,) = estate.of_kind("Microsoft.ContainerRegistry/registries")
    assert held["id"] == registry
    assert settings(outputs)["MLOPS_REGISTRY_GROUP"] == DEV
    assert settings(outputs)["AZURE_CONTAINER_REGISTRY"] == held["name"]
    scopes = {scope for _, scope in estate.granted(outputs["worker"]["principalId"])}
    assert {scope for scope in scopes if f"/{DEV}" in scope} == {registry}
    assert [scope for scope in scopes if f"/{PROD}" in scope]


def test_the_outputs_are_settings_that_the_backend_takes(runs, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    given = settings(deployed(runs, **GIVEN))
    for name, value in (given | {"MLOPS_ENDPOINT_KEYS": "a-key-that-is-long"}).items():
        monkeypatch.setenv(name, value)

    known = {str(field.validation_alias) for kind in (AzureSettings, ServingSettings)
             for field in kind.model_fields.values()}  # fmt: skip
    assert set(given) - known == {"MLOPS_WORKER_IDENTITY", "MLOPS_WORKER_IMAGE"}  # of prefect.yaml
    assert read_settings().volume == GIVEN["volume"]
    assert read_serving().identity.endswith("/id-mlops-dev-endpoints")


class FakeOperations:
    """One kind of thing in a Front Door that has none yet: takes what is made, and tells it."""

    def __init__(self) -> None:
        self.made: dict[tuple[str, ...], dict[str, Any]] = {}

    def get(self, *names: str) -> SimpleNamespace:
        if names not in self.made:
            raise ResourceNotFoundError("not there")
        return SimpleNamespace(as_dict=lambda: {"id": "/".join(names), **self.made[names]})

    def begin_create(self, *words: Any, polling_interval: float) -> SimpleNamespace:
        *names, body = words
        self.made[tuple(names)] = body
        return SimpleNamespace(wait=lambda _: None, done=lambda: True, result=lambda: None)


def test_the_address_of_a_model_is_what_its_first_release_would_make(estate, runs):
    """So neither a deployment nor a release changes what the other made."""
    outputs = settings(deployed(runs))
    client = SimpleNamespace(
        afd_endpoints=FakeOperations(), afd_origin_groups=FakeOperations(),
        afd_origins=FakeOperations(), routes=FakeOperations(),
    )  # fmt: skip
    door = FrontDoor(client, DEV, outputs["AZURE_FRONT_DOOR_PROFILE"])  # type: ignore[arg-type]
    door.share("fashion-mnist", {"fashion-mnist-blue": Share("blue.example", 100.0)})

    for kind, made in (("afdEndpoints", client.afd_endpoints),
                       ("originGroups", client.afd_origin_groups)):  # fmt: skip
        ((names, body),) = made.made.items()
        (ours,) = estate.of_kind(f"Microsoft.Cdn/profiles/{kind}")
        assert ours["id"].split("/")[8::2] == list(names[1:])
        assert ours["properties"].items() >= body["properties"].items()
        assert ours.get("location") == body.get("location")
