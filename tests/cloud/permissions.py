"""Who may do what: the identity of the container groups, and its role on the registry."""

from __future__ import annotations

from tests.cloud.arm import GROUP, REGION, SUBSCRIPTION, Arm
from tests.cloud.builds import PLACE
from tests.cloud.login import TENANT
from tests.cloud.site import Answer, Asked

IDENTITY = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers"
    "/Microsoft.ManagedIdentity/userAssignedIdentities/id-mlops"
)
PRINCIPAL = "00000000-0000-0000-0000-0000000000ac"
PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
_IDENTITY = (
    r"(?P<place>/subscriptions/[^/]+/resourceGroups/[^/]+)/providers/"
    r"Microsoft\.ManagedIdentity/userAssignedIdentities/(?P<name>[^/]+)"
)
_ROLES = r"(?P<scope>/subscriptions/.+)/providers/Microsoft\.Authorization/roleAssignments"


class Permissions:
    """
    Attributes:
        may_pull: the identity has AcrPull on the registry.
    """

    def __init__(self, arm: Arm) -> None:
        self.may_pull = True
        arm.route("GET", _IDENTITY, self._identity)
        arm.route("GET", _ROLES, self._roles)

    def _identity(self, _: Asked, place: str, name: str) -> Answer:
        return Answer(body={
            "id": IDENTITY, "name": name, "location": REGION, "tags": {},
            "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
            "properties": {"tenantId": TENANT, "principalId": PRINCIPAL, "clientId": PRINCIPAL},
        })  # fmt: skip

    def _roles(self, asked: Asked, scope: str) -> Answer:
        is_ours = scope.lower() == PLACE.lower() and PRINCIPAL in asked.query.get("$filter", "")
        if not (is_ours and self.may_pull):
            return Answer(body={"value": []})
        roles = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization"
        return Answer(body={"value": [{
            "id": f"{PLACE}/providers/Microsoft.Authorization/roleAssignments/{PRINCIPAL}",
            "name": PRINCIPAL, "type": "Microsoft.Authorization/roleAssignments",
            "properties": {"roleDefinitionId": f"{roles}/roleDefinitions/{PULL}", "scope": PLACE,
                           "principalId": PRINCIPAL, "principalType": "ServicePrincipal"},
        }]})  # fmt: skip
