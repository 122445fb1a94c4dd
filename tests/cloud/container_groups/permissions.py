"""Who may do what: the identity of the container groups, and who has which role on what."""

from __future__ import annotations

import re
import uuid
from typing import Any

from tests.cloud.container_registry.builds import PLACE
from tests.cloud.subscription.arm import GROUP, REGION, SUBSCRIPTION, Arm, problem
from tests.cloud.subscription.login import CLIENT, TENANT
from tests.cloud.wire.site import Answer, Asked

RESOURCE_GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
MANAGED = "Microsoft.ManagedIdentity/userAssignedIdentities"
IDENTITY = f"{RESOURCE_GROUP}/providers/{MANAGED}/id-mlops"
PRINCIPAL = "00000000-0000-0000-0000-0000000000ac"
IDENTITY_CLIENT = "00000000-0000-0000-0000-0000000000ad"
PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"  # AcrPull, the same everywhere, as the others
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
AUTHORIZATION = "Microsoft.Authorization"
_IDENTITY = (
    r"(?P<place>/subscriptions/[^/]+/resourceGroups/[^/]+)/providers/"
    r"Microsoft\.ManagedIdentity/userAssignedIdentities/(?P<name>[^/]+)"
)
_ROLES = r"(?P<scope>/subscriptions/.+)/providers/Microsoft\.Authorization/roleAssignments"
_FILTER = re.compile(r"(?:principalId eq '([^']+)'|assignedTo\('([^']+)'\)|atScope\(\))")


class Permissions:
    """
    Attributes:
        may_pull: the identity has AcrPull on the registry.
    """

    def __init__(self, arm: Arm) -> None:
        self.may_pull = True
        arm.route("GET", _IDENTITY, self._identity)
        arm.route("GET", _ROLES, self._roles)

    def revoke_pull(self) -> None:
        """Take the role away that lets the identity pull images."""
        self.may_pull = False

    def grant_pull(self) -> None:
        """Give it back."""
        self.may_pull = True

    def _assignments(self) -> list[dict[str, Any]]:
        pull = [_assignment(PLACE, PRINCIPAL, PULL)] if self.may_pull else []
        return [
            *pull, _assignment(RESOURCE_GROUP, PRINCIPAL, READER),
            _assignment(RESOURCE_GROUP, CLIENT, CONTRIBUTOR),
        ]  # fmt: skip

    def _identity(self, _: Asked, place: str, name: str) -> Answer:
        if name.lower() != IDENTITY.rpartition("/")[2]:
            return problem(404, "ResourceNotFound", f"The Resource '{MANAGED}/{name}' under "
                           f"resource group '{GROUP}' was not found.")  # fmt: skip
        return Answer(body={
            "id": IDENTITY, "name": name, "location": REGION, "tags": {}, "type": MANAGED,
            "properties": {
                "tenantId": TENANT, "principalId": PRINCIPAL, "clientId": IDENTITY_CLIENT,
            },
        })  # fmt: skip

    def _roles(self, asked: Asked, scope: str) -> Answer:
        """What is assigned there or above; and below as well, unless ``atScope()`` is asked."""
        wanted = [each.strip() for each in asked.query.get("$filter", "").split(" and ")]
        found = [_FILTER.fullmatch(each) for each in wanted if each]
        if not all(found):
            return problem(400, "UnsupportedQuery", "The filter is not supported: "
                           f"{asked.query['$filter']}")  # fmt: skip
        principals = {each[1] or each[2] for each in found if each and (each[1] or each[2])}
        is_here_only = "atScope()" in wanted
        return Answer(body={"value": [
            each for each in self._assignments()
            if _applies(each["properties"]["scope"], scope, is_here_only=is_here_only)
            and principals <= {each["properties"]["principalId"]}
        ]})  # fmt: skip


def _applies(assigned: str, scope: str, *, is_here_only: bool) -> bool:
    at, asked = f"{assigned}/".lower(), f"{scope}/".lower()
    return asked.startswith(at) or (not is_here_only and at.startswith(asked))


def _assignment(scope: str, principal: str, role: str) -> dict[str, Any]:
    number = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope}{principal}{role}"))
    roles = f"/subscriptions/{SUBSCRIPTION}/providers/{AUTHORIZATION}/roleDefinitions"
    return {
        "id": f"{scope}/providers/{AUTHORIZATION}/roleAssignments/{number}", "name": number,
        "type": f"{AUTHORIZATION}/roleAssignments",
        "properties": {
            "roleDefinitionId": f"{roles}/{role}", "scope": scope, "principalId": principal,
            "principalType": "ServicePrincipal",
        },
    }  # fmt: skip
