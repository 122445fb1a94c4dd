"""What Azure adds to a resource that it takes, and what comes with one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from tests.cloud.databricks.workspace import HOST
from tests.cloud.subscription.login import TENANT

CLUSTERS = "dbmanagedidentity"  # of the machines of a Databricks workspace


def _number(identifier: str, what: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{identifier} {what}".lower()))


def _with(add: Callable[[str, str], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Properties of its own, by id and name."""

    def added(identifier: str, whole: dict[str, Any]) -> dict[str, Any]:
        mine = add(identifier, whole["name"])
        return {"properties": {**whole.get("properties", {}), **mine,
                               "provisioningState": "Succeeded"}}  # fmt: skip

    return added


def _workspace(identifier: str, whole: dict[str, Any]) -> dict[str, Any]:
    own = _with(lambda place, _: {"workspaceId": _number(place, "workspace")})(identifier, whole)
    identity = {**whole["identity"], "principalId": _number(identifier, "principal"),
                "tenantId": TENANT}  # fmt: skip
    return {**own, "identity": identity}


ADDED: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {
    "Microsoft.Cdn/profiles": _with(lambda place, _: {
        "frontDoorId": _number(place, "front door"), "resourceState": "Active",
    }),
    "Microsoft.Cdn/profiles/afdEndpoints": _with(lambda place, name: {
        "hostName": f"{name}-{_number(place, 'host')[:16].replace('-', '')}.z01.azurefd.net",
    }),
    "Microsoft.ContainerRegistry/registries": _with(lambda _, name: {
        "loginServer": f"{name.lower()}.azurecr.io",
    }),
    "Microsoft.Databricks/workspaces": _with(lambda _, __: {
        "workspaceUrl": HOST, "workspaceId": HOST.partition("-")[2].partition(".")[0],
    }),
    "Microsoft.KeyVault/vaults": _with(lambda _, name: {
        "vaultUri": f"https://{name}.vault.azure.net/",
    }),
    "Microsoft.MachineLearningServices/workspaces": _workspace,
    "Microsoft.ManagedIdentity/userAssignedIdentities": _with(lambda place, _: {
        "principalId": _number(place, "principal"), "clientId": _number(place, "client"),
        "tenantId": TENANT,
    }),
    "Microsoft.OperationalInsights/workspaces": _with(lambda place, _: {
        "customerId": _number(place, "customer"),
    }),
}  # fmt: skip


def brought(identifier: str, whole: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What comes with a resource: ids, and what is there."""
    if whole["type"] != "Microsoft.Databricks/workspaces":
        return {}
    group = whole["properties"]["managedResourceGroupId"]
    clusters = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{CLUSTERS}"
    return {clusters: {"properties": {
        "principalId": _number(identifier, "clusters"), "clientId": _number(identifier, "client"),
        "tenantId": TENANT,
    }}}  # fmt: skip
