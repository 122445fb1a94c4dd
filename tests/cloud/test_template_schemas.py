"""The template is what Azure's own schemas describe, each resource by its type and version."""

from __future__ import annotations

import pytest

from tests.cloud.deployments.ours import template
from tests.cloud.deployments.schemas import SCHEMAS, findings

pytestmark = [pytest.mark.cloud, pytest.mark.schemas]


def resource(document, kind: str):
    """The first of that type."""
    return next(each for each in document["resources"] if each["type"].endswith(kind))


def test_the_template_is_valid():
    assert findings(template()) == []


@pytest.mark.parametrize(
    ("kind", "change", "finding"),
    [
        ("/storageAccounts", {"sku": {"name": "Standard_WOM"}}, "Standard_WOM"),
        ("/storageAccounts", {"properties": {"minimumTLS": "TLS1_2"}}, "minimumTLS"),
        ("/storageAccounts", {"colour": "green"}, "colour"),
        ("/vaults", {"properties": {"sku": {"family": "A", "name": "standard"}}}, "tenantId"),
        ("/registries", {"apiVersion": "2025-11-01"}, "2025-11-01"),
        ("/profiles", {"sku": {"name": "Cheap_AzureFrontDoor"}}, "Cheap_AzureFrontDoor"),
        ("/userAssignedIdentities", {"type": "Microsoft.ManagedIdentity/identities"}, "identities"),
    ],
)
def test_what_azure_would_not_take_is_found(kind, change, finding):
    document = template()
    resource(document, kind).update(change)

    assert finding in str(findings(document))


def test_a_property_of_the_worker_is_judged_as_well():
    document = template()
    worker = next(each for each in document["resources"] if "worker-" in each["name"])
    (group,) = worker["properties"]["template"]["resources"]
    group["properties"]["restartPolicy"] = "Sometimes"

    assert "Sometimes" in str(findings(document))


def test_where_no_schemas_are_nothing_passes(monkeypatch, tmp_path):
    monkeypatch.setenv(SCHEMAS, str(tmp_path))

    with pytest.raises(RuntimeError, match="azure-resource-manager-schemas"):
        findings(template())
