"""The template, deployed by Azure's SDK; and releases find on what it made all that they need."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential, ManagedIdentityCredential
from azure.mgmt.resource.resources import ResourceManagementClient

from tasks.backends.azure.health import examine_cloud
from tests.cloud.databricks.workspace import VOLUME
from tests.cloud.deployments.empty_estate import DEV, PLACES
from tests.cloud.deployments.empty_subscription import EmptySubscription
from tests.cloud.deployments.estate import ASSIGNMENTS
from tests.cloud.deployments.ours import NAME, properties, settings
from tests.cloud.deployments.roles import BUILT_IN
from tests.cloud.subscription.arm import SUBSCRIPTION
from tests.conftest import ROOT

pytestmark = pytest.mark.cloud
BASE = f"python:3.12-slim-bookworm@sha256:{'0' * 64}"
KEYS = {"MLOPS_ENDPOINT_KEYS": "what-nobody-can-guess"}


@pytest.fixture(scope="module")
def subscription(tmp_path_factory) -> Iterator[EmptySubscription]:
    with (
        EmptySubscription(tmp_path_factory.mktemp("subscription")) as made,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in [each for each in os.environ if each.startswith(("AZURE_", "MLOPS_"))]:
            patch.delenv(name)
        for name, value in made.environment.items():
            patch.setenv(name, value)
        yield made


def deploy(subscription: EmptySubscription, credential: Any, given: dict[str, Any]) -> Any:
    """As ``az deployment group create`` does."""
    client = ResourceManagementClient(credential, SUBSCRIPTION, "2022-09-01")
    work = client.deployments.begin_create_or_update(DEV, NAME, {"properties": given})
    return work.result(60).properties


def owner(subscription: EmptySubscription) -> ClientSecretCredential:
    given = subscription.owner
    return ClientSecretCredential(
        given["AZURE_TENANT_ID"], given["AZURE_CLIENT_ID"], given["AZURE_CLIENT_SECRET"]
    )


@pytest.fixture(scope="module")
def outputs(subscription) -> dict[str, Any]:
    """Of the deployment to dev."""
    done = deploy(
        subscription, owner(subscription), properties("dev", volume=VOLUME, baseImage=BASE)
    )
    return {name: each["value"] for name, each in done.outputs.items()}


@pytest.fixture
def released_by_the_worker(subscription, outputs, monkeypatch) -> dict[str, str]:
    """The environment of the worker: the outputs, and its identity, which no secret opens."""
    given = settings(outputs) | KEYS | subscription.identities.environment
    given |= {"AZURE_CLIENT_ID": outputs["worker"]["clientId"]}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return given


def test_doctor_finds_all_well_on_what_was_deployed(released_by_the_worker, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "flows", "doctor", "--backend", "azure"], cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MLOPS_HOME": str(tmp_path / "state")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert "ILL" not in done.stdout
    for check in ("Blob Storage", "Azure ML", "Databricks", "registry", "right to pull",
                  "Front Door"):  # fmt: skip
        assert f"well  {check} " in done.stdout


@pytest.mark.parametrize(
    ("role", "ill"),
    [
        ("Storage Blob Data Contributor", {"Blob Storage"}),
        ("AzureML Data Scientist", {"Azure ML"}),
        ("CDN Profile Contributor", {"Front Door"}),
        ("Managed Identity Operator", {"right to pull"}),
    ],
)
def test_without_a_role_doctor_says_what_is_ill(
    subscription, outputs, released_by_the_worker, role, ill
):
    estate = subscription.estate
    given = [
        each for each in estate.of_kind(ASSIGNMENTS)
        if each["properties"]["principalId"] == outputs["worker"]["principalId"]
        and BUILT_IN[each["properties"]["roleDefinitionId"].rpartition("/")[2]].name == role
    ]  # fmt: skip
    assert given
    for each in given:
        estate.remove(each["id"])
    try:
        found = {each.name for each in examine_cloud() if not each.is_well}
    finally:
        for each in given:
            estate.put(each["id"], each)

    assert found == ill


def test_the_keys_of_the_account_open_nothing(subscription, outputs):
    from azure.storage.blob import BlobServiceClient

    account = settings(outputs)["AZURE_STORAGE_ACCOUNT_NAME"]
    key = subscription.key_of(account)
    client = BlobServiceClient(f"https://{account}.blob.core.windows.net", key, retry_total=0)

    with pytest.raises(HttpResponseError, match="KeyBasedAuthenticationNotPermitted"):
        list(client.list_containers())


def test_a_second_deployment_changes_nothing(subscription, outputs):
    made, before = list(subscription.estate.made), subscription.estate.all()

    again = deploy(
        subscription, owner(subscription), properties("dev", volume=VOLUME, baseImage=BASE)
    )

    assert {name: each["value"] for name, each in again.outputs.items()} == outputs
    assert subscription.estate.made == made
    assert subscription.estate.all() == before


def test_whoever_releases_may_not_deploy(subscription, outputs, released_by_the_worker):
    worker = ManagedIdentityCredential(client_id=outputs["worker"]["clientId"])

    with pytest.raises(HttpResponseError, match="AuthorizationFailed"):
        deploy(subscription, worker, properties("dev"))


def test_a_resource_that_is_refused_is_told_and_a_wrong_template_makes_nothing(
    subscription, outputs
):
    spoilt, wrong = properties("dev"), properties("dev", colour="green")
    (vault,) = [each for each in spoilt["template"]["resources"]
                if each["type"].endswith("/vaults")]  # fmt: skip
    vault["properties"]["enablePurgeProtection"] = False
    before = subscription.estate.all()

    with pytest.raises(HttpResponseError, match="enablePurgeProtection"):
        deploy(subscription, owner(subscription), spoilt)
    with pytest.raises(HttpResponseError, match="colour"):
        deploy(subscription, owner(subscription), wrong)

    known = {each["id"] for each in before}
    assert {each["id"] for each in subscription.estate.all()} == known
    assert PLACES[DEV].group in next(iter(known))
