"""No secret is given to a deployment or told by one, and the worker gets its own all the same."""

from __future__ import annotations

import json

import pytest

from tests.cloud.deployments.empty_estate import DEV, PLACES
from tests.cloud.deployments.expressions import Wrong
from tests.cloud.deployments.manager import told
from tests.cloud.deployments.ours import INFRA, deployed, template
from tests.cloud.deployments.template import DEPLOYMENTS

IMAGE = f"mlops/worker@sha256:{'1' * 64}"
SECRETS = {
    "prefect-api-key": "secret-of-prefect", "endpoint-keys": "secret-of-endpoints",
    "capture-key": "secret-of-monitors",
}  # fmt: skip
WITH_WORKER = {"workerImage": IMAGE, "prefectApiUrl": "https://prefect.example/api"}
GROUPS = "Microsoft.ContainerInstance/containerGroups"


def kept(estate) -> None:
    """As ``az keyvault secret set`` does it."""
    (vault,) = estate.of_kind("Microsoft.KeyVault/vaults")
    estate.secrets |= {(vault["id"].lower(), name): value for name, value in SECRETS.items()}


def environment(estate) -> dict[str, dict[str, str]]:
    """Of the worker's container, by name."""
    (group,) = estate.of_kind(GROUPS)
    (container,) = group["properties"]["containers"]
    return {each["name"]: each for each in container["properties"]["environmentVariables"]}


def test_no_parameter_is_a_secret_and_no_output_could_hold_one():
    document = template()

    assert {each["type"] for each in document["parameters"].values()} <= {
        "string", "int", "bool", "array",
    }  # fmt: skip
    said = json.dumps(document["outputs"]).lower()
    for word in ("list", "secure", "connectionstring", "password", "sas", "instrumentationkey"):
        assert word not in said
    for file in INFRA.glob("azuredeploy.*.parameters.json"):
        assert "secret" not in file.read_text(encoding="utf-8").lower()


def test_there_is_no_worker_before_it_has_an_image(estate, runs):
    deployed(runs)

    assert estate.of_kind(GROUPS) == []


def test_the_worker_gets_its_secrets_from_the_vault_and_nobody_is_told(estate, runs):
    deployed(runs)
    kept(estate)
    outputs = deployed(runs, **WITH_WORKER)

    found = environment(estate)
    assert {name: each["secureValue"] for name, each in found.items() if "secureValue" in each} == {
        "PREFECT_API_KEY": SECRETS["prefect-api-key"],
        "MLOPS_ENDPOINT_KEYS": SECRETS["endpoint-keys"],
        "MLOPS_CAPTURE_KEY": SECRETS["capture-key"],
        "AZURE_LOG_ANALYTICS_KEY": next(iter(runs.keys.values())),
    }
    said = json.dumps([outputs, *(told(each) for each in estate.all())])
    assert [each for each in (*SECRETS.values(), *runs.keys.values()) if each in said] == []
    assert len(estate.of_kind(DEPLOYMENTS)) == 4


def test_the_worker_is_who_releases_and_has_the_settings(estate, runs):
    deployed(runs)
    kept(estate)
    outputs = deployed(runs, **WITH_WORKER)

    found = environment(estate)
    assert found["AZURE_CLIENT_ID"]["value"] == outputs["worker"]["clientId"]
    assert found["PREFECT_API_URL"]["value"] == WITH_WORKER["prefectApiUrl"]
    assert [each for each in outputs["settings"] if found[each["name"]] != each] == []
    (group,) = estate.of_kind(GROUPS)
    (identity,) = group["identity"]["userAssignedIdentities"]
    assert identity.endswith("/id-mlops-dev-worker")
    assert "ipAddress" not in group["properties"]
    (container,) = group["properties"]["containers"]
    assert container["properties"]["image"] == found["MLOPS_WORKER_IMAGE"]["value"]
    assert container["properties"]["image"].endswith(f".azurecr.io/{IMAGE}")


@pytest.mark.parametrize("lacks", SECRETS)
def test_a_secret_that_is_not_in_the_vault_is_named(estate, runs, lacks):
    deployed(runs)
    kept(estate)
    (key,) = [each for each in estate.secrets if each[1] == lacks]
    del estate.secrets[key]

    with pytest.raises(Wrong, match=f"'{lacks}' of vault 'kv-mlops-dev-.*was not found"):
        deployed(runs, **WITH_WORKER)


def test_what_a_deployment_was_given_is_told_without_its_secrets(estate, runs):
    deployed(runs)
    kept(estate)
    deployed(runs, **WITH_WORKER)

    where = PLACES[DEV].id_of(DEPLOYMENTS, ["worker-mlops-dev"])
    assert set(estate.require(where)["properties"]["parameters"]) >= {"image", "pool", "settings"}
    assert {"logsKey", "prefectApiKey", "endpointKeys", "captureKey"}.isdisjoint(
        estate.require(where)["properties"]["parameters"]
    )
