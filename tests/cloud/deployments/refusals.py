"""What Azure refuses of the resources that we make: types, versions, names, and what is in them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.cloud.deployments.expressions import Wrong
from tests.cloud.deployments.roles import BUILT_IN
from tests.cloud.front_door.rules import wrong

if TYPE_CHECKING:
    from tests.cloud.deployments.estate import Estate

VERSIONS = {
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.Cdn/profiles": "2024-02-01",
    "Microsoft.Cdn/profiles/afdEndpoints": "2024-02-01",
    "Microsoft.Cdn/profiles/originGroups": "2024-02-01",
    "Microsoft.ContainerInstance/containerGroups": "2023-05-01",
    "Microsoft.ContainerRegistry/registries": "2025-04-01",
    "Microsoft.Databricks/workspaces": "2024-05-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.KeyVault/vaults": "2023-07-01",
    "Microsoft.MachineLearningServices/workspaces": "2024-10-01",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "2023-01-31",
    "Microsoft.OperationalInsights/workspaces": "2023-09-01",
    "Microsoft.Storage/storageAccounts": "2024-01-01",
    "Microsoft.Storage/storageAccounts/blobServices": "2024-01-01",
    "Microsoft.Storage/storageAccounts/blobServices/containers": "2024-01-01",
}
NAMES = {  # learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
    "Microsoft.ContainerInstance/containerGroups": r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
    "Microsoft.ContainerRegistry/registries": r"[A-Za-z0-9]{5,50}",
    "Microsoft.KeyVault/vaults": r"(?!.*--)[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]",
    "Microsoft.MachineLearningServices/workspaces": r"[A-Za-z0-9][A-Za-z0-9_-]{2,32}",
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.Storage/storageAccounts/blobServices/containers": r"(?!.*--)[a-z0-9][a-z0-9-]{2,62}",
}


def judged(kind: str, identifier: str, body: dict[str, Any], estate: Estate) -> None:
    """Raise Wrong for what Azure would refuse."""
    name = identifier.rpartition("/")[2]
    if kind in NAMES and not re.fullmatch(NAMES[kind], name):
        raise Wrong("InvalidResourceName", f"'{name}' is no name for a {kind}")
    if kind in JUDGES:
        JUDGES[kind](identifier, body, estate)


def _assignment(identifier: str, body: dict[str, Any], estate: Estate) -> None:
    given = body["properties"]
    uuid.UUID(identifier.rpartition("/")[2])
    if given["roleDefinitionId"].rpartition("/")[2] not in BUILT_IN:
        raise Wrong("RoleDefinitionDoesNotExist", f"there is no {given['roleDefinitionId']} here")
    if given["principalId"] not in estate.principals():
        raise Wrong("PrincipalNotFound", f"principal {given['principalId']} does not exist")
    scope = identifier.partition("/providers/Microsoft.Authorization/")[0].lower()
    for each in estate.assignments():
        same = {**given, "scope": scope} == {
            **each["properties"],
            "scope": each["properties"]["scope"].lower(),
        }
        if same and each["id"].lower() != identifier.lower():
            raise Wrong("RoleAssignmentExists", "the role assignment already exists")


def _front_door(identifier: str, body: dict[str, Any], _: Estate) -> None:
    kind, name = identifier.split("/")[-2:]
    if why := wrong(kind, name, body["properties"]):
        raise Wrong("BadRequest", why)


def _learning(_: str, body: dict[str, Any], estate: Estate) -> None:
    account = estate.require(body["properties"]["storageAccount"])["properties"]
    by_identity = body["properties"].get("systemDatastoresAuthMode") == "identity"
    if not account["allowSharedKeyAccess"] and not by_identity:
        raise Wrong("BadRequest", "the storage account permits no keys; systemDatastoresAuthMode "
                    "must be identity")  # fmt: skip


def _vault(_: str, body: dict[str, Any], __: Estate) -> None:
    if body["properties"].get("enablePurgeProtection") is False:
        raise Wrong("BadRequest", 'the property "enablePurgeProtection" cannot be set to false')


def _group(_: str, body: dict[str, Any], __: Estate) -> None:
    given, held = (
        body["properties"],
        set(body.get("identity", {}).get("userAssignedIdentities", {})),
    )
    for each in given.get("imageRegistryCredentials", []):
        if each["identity"] not in held:
            raise Wrong("InvalidImageRegistryCredential", f"the group lacks {each['identity']}")
    for container in given["containers"]:
        for each in container["properties"].get("environmentVariables", []):
            if ("value" in each) == ("secureValue" in each):
                raise Wrong("InvalidEnvironmentVariable", f"{each['name']} needs one value")


JUDGES: dict[str, Callable[[str, dict[str, Any], Any], None]] = {
    "Microsoft.Authorization/roleAssignments": _assignment,
    "Microsoft.Cdn/profiles/afdEndpoints": _front_door,
    "Microsoft.Cdn/profiles/originGroups": _front_door,
    "Microsoft.ContainerInstance/containerGroups": _group,
    "Microsoft.KeyVault/vaults": _vault,
    "Microsoft.MachineLearningServices/workspaces": _learning,
}
