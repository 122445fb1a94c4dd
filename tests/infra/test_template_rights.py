"""Who may do what in Azure after a deployment: what docs/azure.md says, and nothing more."""

from __future__ import annotations

import re

import pytest

from tests.cloud.deployments.empty_estate import DEV, PEOPLE, PLACES
from tests.cloud.deployments.ours import deployed, settings
from tests.cloud.deployments.roles import BUILT_IN
from tests.conftest import ROOT

GROUP = PLACES[DEV].id
REGISTRY, ACI = "Microsoft.ContainerRegistry/registries", "Microsoft.ContainerInstance"
ML, CDN = "Microsoft.MachineLearningServices/workspaces", "Microsoft.Cdn/profiles"
IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
STORAGE, VAULT = "Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"
WHERE = {  # as docs/azure.md calls it → type, or part of the id
    "the storage account": STORAGE, "the workspace": ML, "the registry": REGISTRY,
    "the resource group of the Front Door profile": GROUP,
    "the identity of the container groups, which it gives to them": "-endpoints",
    "itself, which it gives to the containers of runs": "-worker",
    "the resource group of the container groups": GROUP,
}  # fmt: skip
SOURCE = "the resource group of the environment that `promote` takes from"  # to prod alone
NOT_HERE = {"the registry that `AZUREML_REGISTRY_NAME` names", "Databricks"}
ASKED = [  # what releases ask of Resource Manager and of what is behind it, and of which resource
    *((f"{ACI}/containerGroups/{what}", GROUP) for what in (
        "read", "write", "delete", "start/action", "stop/action", "containers/logs/read")),
    *((f"{REGISTRY}/{what}", REGISTRY) for what in (
        "listBuildSourceUploadUrl/action", "taskRuns/read", "taskRuns/write",
        "runs/listLogSasUrl/action", "pull/read")),
    *((f"{CDN}/{what}", CDN) for what in (
        "read", "afdEndpoints/read", "afdEndpoints/write", "originGroups/write",
        "originGroups/origins/read", "originGroups/origins/write", "afdEndpoints/routes/write")),
    ("Microsoft.Cdn/operationresults/read", GROUP),  # where its operations are asked about
    (f"{IDENTITIES}/read", "-endpoints"), (f"{IDENTITIES}/assign/action", "-endpoints"),
    (f"{IDENTITIES}/assign/action", "-worker"),  # a run is a container with this identity, made by
    ("Microsoft.Resources/deployments/write", GROUP),  # prefect-azure as a deployment
    ("Microsoft.Authorization/roleAssignments/read", REGISTRY),
    *((f"{ML}/{what}", ML) for what in (
        "read", "models/versions/read", "models/versions/write", "datastores/read",
        "datastores/listSecrets/action")),
    *((f"{BLOBS}/{what}", STORAGE) for what in ("read", "write", "delete")),
]  # fmt: skip
FORBIDDEN = [
    (f"{STORAGE}/write", STORAGE), (f"{STORAGE}/delete", STORAGE),
    (f"{STORAGE}/listKeys/action", STORAGE), (f"{VAULT}/secrets/getSecret/action", VAULT),
    (f"{VAULT}/delete", VAULT), (f"{REGISTRY}/delete", REGISTRY), (f"{ML}/delete", ML),
    ("Microsoft.Databricks/workspaces/delete", "Microsoft.Databricks"),
    ("Microsoft.Authorization/roleAssignments/write", GROUP), (f"{IDENTITIES}/write", "-worker"),
    ("Microsoft.Resources/subscriptions/resourceGroups/delete", GROUP),
]  # fmt: skip


@pytest.fixture
def made(estate, runs):
    """Principals of the worker and of the endpoints, in an estate."""
    outputs = deployed(runs, operators=PEOPLE)
    endpoints = estate.require(settings(outputs)["MLOPS_ENDPOINT_IDENTITY"])
    return outputs["worker"]["principalId"], endpoints["properties"]["principalId"]


def place(estate, where: str) -> str:
    """The id that is meant."""
    if where == GROUP:
        return where
    found = [each["id"] for each in estate.all()
             if each["type"].lower() == where.lower() or each["id"].endswith(where)
             or (where.count("/") == 0 and each["type"].startswith(f"{where}/"))]  # fmt: skip
    assert len(found) == 1, (where, found)
    return str(found[0])


def listed() -> dict[str, set[str]]:
    """The table of docs/azure.md: on what → roles."""
    text = (ROOT / "docs" / "azure.md").read_text(encoding="utf-8")
    table = text.partition("| role of the identity that releases | on |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", table, re.MULTILINE)
    return {where: set(roles.split(", ")) for roles, where in rows if set(roles) != {"-"}}


def test_the_worker_has_the_roles_that_the_document_lists_and_no_other(estate, made):
    told = {
        (role, place(estate, WHERE[where]))
        for where, roles in listed().items() if where not in {*NOT_HERE, SOURCE}
        for role in roles
    }  # fmt: skip

    assert set(listed()) == {*WHERE, *NOT_HERE, SOURCE}
    assert len(told) == 9
    assert estate.granted(made[0]) == told


def test_the_worker_of_prod_reads_what_it_promotes_and_changes_nothing_there(estate, runs):
    registry = deployed(runs)["registry"]
    worker = deployed(runs, "prod", registry=registry)["worker"]["principalId"]

    there = {(role, scope) for role, scope in estate.granted(worker) if f"/{DEV}" in scope}
    assert there == {
        *((role, GROUP) for role in listed()[SOURCE]),
        *((role, registry) for role in listed()["the registry"]),
    }
    assert estate.may(worker, f"{ML}/models/versions/read", f"{GROUP}/providers/{ML}/mlw-mlops-dev")
    assert not estate.may(worker, f"{ACI}/containerGroups/write", GROUP)
    assert not estate.may(worker, f"{BLOBS}/write", GROUP)


@pytest.mark.parametrize(("action", "where"), ASKED)
def test_the_worker_may_do_what_a_release_asks_for(estate, made, action, where):
    assert estate.may(made[0], action, place(estate, where))


@pytest.mark.parametrize(("action", "where"), FORBIDDEN)
def test_the_worker_may_not_do_what_no_release_asks_for(estate, made, action, where):
    assert not estate.may(made[0], action, place(estate, where))


def test_the_endpoints_pull_and_do_nothing_else(estate, made):
    assert estate.granted(made[1]) == {("AcrPull", place(estate, REGISTRY))}


def test_clusters_read_images_and_not_what_releases_keep(estate, made):
    (clusters,) = [each["properties"]["principalId"] for each in estate.of_kind(IDENTITIES)
                   if each["name"] == "dbmanagedidentity"]  # fmt: skip
    containers = f"{place(estate, STORAGE)}/blobServices/default/containers"

    assert estate.may(clusters, f"{BLOBS}/read", f"{containers}/images")
    assert not estate.may(clusters, f"{BLOBS}/write", f"{containers}/images")
    assert not estate.may(clusters, f"{BLOBS}/read", f"{containers}/mlops")


def test_people_write_secrets_and_images_and_nobody_may_do_everything(estate, made):
    assert estate.granted(PEOPLE) == {
        ("Key Vault Secrets Officer", place(estate, VAULT)),
        ("Storage Blob Data Contributor", place(estate, STORAGE)),
    }  # fmt: skip
    given = {each["properties"]["roleDefinitionId"].rpartition("/")[2]
             for each in estate.assignments()}  # fmt: skip
    assert not {"Owner", "Contributor"} & {BUILT_IN[each].name for each in given}
