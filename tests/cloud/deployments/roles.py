"""
Roles that Azure brings along, as far as they are given here: what they let one do.

learn.microsoft.com/azure/role-based-access-control/built-in-roles; only actions that are asked for
somewhere, and those around them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_READS_ROLES = "Microsoft.Authorization/*/read"
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"


@dataclass(frozen=True)
class Role:
    """
    Attributes:
        actions: on resources, less ``but``.
        data: actions on what is in them.
    """

    name: str
    actions: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    but: tuple[str, ...] = ()

    def allows(self, action: str) -> bool:
        """An action on a resource, or on what is in one."""
        if any(_covers(each, action) for each in self.but):
            return False
        return any(_covers(each, action) for each in (*self.actions, *self.data))


BUILT_IN = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": Role("Owner", ("*",)),
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": Role("Reader", ("*/read",)),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": Role(
        "Storage Blob Data Contributor", (f"{_BLOBS.removesuffix('/blobs')}/*",), (f"{_BLOBS}/*",)
    ),
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": Role(
        "Storage Blob Data Reader", (f"{_BLOBS.removesuffix('/blobs')}/read",), (f"{_BLOBS}/read",)
    ),
    "f6c7c914-8db3-469d-8ca1-694a8f32e121": Role(
        "AzureML Data Scientist",
        tuple(f"Microsoft.MachineLearningServices/workspaces/*/{verb}"
              for verb in ("read", "action", "delete", "write")),
        but=("Microsoft.MachineLearningServices/workspaces/delete",
             "Microsoft.MachineLearningServices/workspaces/write"),
    ),
    "5d977122-f97e-4b4d-a52f-6b43003ddb4d": Role(
        "Azure Container Instances Contributor Role",
        ("Microsoft.ContainerInstance/containerGroups/*", "Microsoft.Resources/deployments/*",
         "Microsoft.Resources/subscriptions/resourceGroups/read", _READS_ROLES),
    ),
    "ec156ff8-a8d1-4d15-830c-5b80698ca432": Role(
        "CDN Profile Contributor",
        ("Microsoft.Cdn/profiles/*", "Microsoft.Cdn/operationresults/*", _READS_ROLES),
    ),
    "f1a07417-d97a-45cb-824c-7a7467783830": Role(
        "Managed Identity Operator",
        ("Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
         "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action", _READS_ROLES),
    ),
    "fb382eab-e894-4461-af04-94435c366c3f": Role(
        "Container Registry Tasks Contributor",
        tuple(f"Microsoft.ContainerRegistry/registries/{what}" for what in (
            "tasks/*", "taskruns/*", "runs/*", "scheduleRun/action",
            "listBuildSourceUploadUrl/action")),
    ),
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": Role(
        "AcrPull", ("Microsoft.ContainerRegistry/registries/pull/read",)
    ),
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": Role(
        "Key Vault Secrets Officer", (), ("Microsoft.KeyVault/vaults/secrets/*",)
    ),
}  # fmt: skip


def _covers(pattern: str, action: str) -> bool:
    """``*`` is any part of an action; ``/*/`` may be empty: workspaces/*/read reads them too."""
    words = re.escape(pattern).replace(r"/\*/", "/(.*/)?").replace(r"\*", ".*")
    return re.fullmatch(words, action, re.IGNORECASE) is not None
