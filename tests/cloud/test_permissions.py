"""Who may pull images is asked with the real SDKs, and can be taken away."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.cloud.container_groups.permissions import IDENTITY, PRINCIPAL, PULL, READER
from tests.cloud.container_registry.builds import PLACE
from tests.cloud.subscription.arm import SUBSCRIPTION

pytestmark = pytest.mark.cloud


@pytest.fixture
def assigned(relayed):
    """Roles by scope, filter and principal, as the SDK lists them."""
    from azure.identity import EnvironmentCredential
    from azure.mgmt.authorization import AuthorizationManagementClient

    client = AuthorizationManagementClient(EnvironmentCredential(), SUBSCRIPTION, "2022-04-01")

    def roles(scope: str, wanted: str | None = None) -> list[str]:
        found = client.role_assignments.list_for_scope(scope, filter=wanted)
        return [str(each.role_definition_id).rpartition("/")[2] for each in found]

    return roles


@pytest.mark.parametrize("wanted", [f"principalId eq '{PRINCIPAL}'", f"assignedTo('{PRINCIPAL}')"])
def test_the_right_to_pull_can_be_taken_away(relayed, assigned, wanted):
    assert assigned(PLACE, wanted) == [PULL, READER]

    relayed.permissions.revoke_pull()
    without = assigned(PLACE, wanted)
    relayed.permissions.grant_pull()

    assert without == [READER]
    assert assigned(PLACE, wanted) == [PULL, READER]


def test_a_scope_tells_what_is_below_it_unless_only_it_is_asked(assigned):
    group = PLACE.partition("/providers/")[0]

    assert PULL in assigned(group)
    assert PULL not in assigned(group, "atScope()")
    assert len(assigned(PLACE)) == 3


def test_a_filter_that_nobody_knows_is_refused(assigned):
    with pytest.raises(HttpResponseError, match="UnsupportedQuery"):
        assigned(PLACE, "principal eq 5")


def test_the_identity_tells_its_principal(relayed):
    from azure.identity import EnvironmentCredential
    from azure.mgmt.resource.resources import ResourceManagementClient

    client = ResourceManagementClient(EnvironmentCredential(), SUBSCRIPTION)

    assert client.resources.get_by_id(IDENTITY, "2023-01-31").properties["principalId"] == PRINCIPAL
    with pytest.raises(ResourceNotFoundError):
        client.resources.get_by_id(f"{IDENTITY}x", "2023-01-31")
