"""Is the cloud fit to serve: registry, right to pull, room for groups, Front Door."""

from __future__ import annotations

from collections.abc import Callable

from tasks.backends.azure.clients import Clients
from tasks.backends.azure.containers.groups import Groups
from tasks.backends.azure.containers.settings import ServingSettings
from tasks.backends.azure.failures import told
from tasks.errors import Refused

PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"  # AcrPull, the same number everywhere
IDENTITIES = "2023-01-31"  # version of the API
PLANNED = 2  # groups of an endpoint

Check = tuple[str, Callable[[Clients], str], str]


def serving_checks(given: ServingSettings) -> tuple[Check, ...]:
    """Name, look and cure of each."""
    return (
        ("registry", lambda at: _registry(at, given),
         "look at AZURE_CONTAINER_REGISTRY; give the identity the roles that docs/azure.md lists"),
        ("right to pull", lambda at: _pull(at, given),
         "az role assignment create --role AcrPull --assignee-principal-type ServicePrincipal "
         "--assignee-object-id <principal id> --scope <id of the registry>"),
        ("room", lambda at: _room(at, given),
         "delete container groups that nobody needs, or ask Azure for more"),
        ("Front Door", lambda at: _door(at, given),
         "look at AZURE_FRONT_DOOR_PROFILE; it must be in the same resource group"),
    )  # fmt: skip


def require_pull(at: Clients, given: ServingSettings) -> None:
    """
    Say so now, not after minutes as ``InaccessibleImage``.

    Raises:
        Refused: the identity of the groups may not pull images.
    """
    _pull(at, given)


def _registry(at: Clients, given: ServingSettings) -> str:
    from azure.containerregistry import ContainerRegistryClient

    server = f"{given.registry.lower()}.azurecr.io"
    with (
        told(f"looking at {server}"),
        ContainerRegistryClient(
            f"https://{server}", at.identity, audience="https://management.azure.com"
        ) as held,
    ):
        found = sum(1 for _ in held.list_repository_names())
    return f"{server} has {found} repositories"


def _pull(at: Clients, given: ServingSettings) -> str:
    from azure.mgmt.authorization import AuthorizationManagementClient
    from azure.mgmt.resource.resources import ResourceManagementClient

    place = at.settings
    group = given.registry_group or place.resource_group
    registry = (
        f"/subscriptions/{place.subscription}/resourceGroups/{group}/providers"
        f"/Microsoft.ContainerRegistry/registries/{given.registry}"
    )
    name = given.identity.rpartition("/")[2]
    with told(f"looking at identity {name}"):
        client = ResourceManagementClient(at.identity, place.subscription)
        found = client.resources.get_by_id(given.identity, IDENTITIES)
        principal = (found.properties or {}).get("principalId")
    with told(f"looking at who may pull from {given.registry}"):
        roles = AuthorizationManagementClient(at.identity, place.subscription, "2022-04-01")
        assigned = roles.role_assignments.list_for_scope(
            registry, filter=f"principalId eq '{principal}'"
        )
        may = any(str(each.role_definition_id).endswith(PULL) for each in assigned)
    if not may:
        raise Refused(f"the identity {name} has no role AcrPull on {given.registry}, so its groups "
                      "could not pull an image")  # fmt: skip
    return f"{name} may pull from {given.registry}"


def _room(at: Clients, given: ServingSettings) -> str:
    from azure.mgmt.containerinstance import ContainerInstanceManagementClient

    client = ContainerInstanceManagementClient(at.identity, at.settings.subscription)
    used, most = Groups(client, at.settings.resource_group).room(given.region)
    if most and used + PLANNED > most:
        raise Refused(f"{given.region} has {used} of {most} container groups in use")
    if not most:  # what is too much is refused when a group is made
        return f"{given.region} does not tell who may not read the subscription: it is not known"
    return f"{given.region} has {used} of {most} container groups in use"


def _door(at: Clients, given: ServingSettings) -> str:
    from azure.mgmt.cdn import CdnManagementClient

    if not given.front_door:
        return "none is named: the address is that of the live group, and changes with it"
    client = CdnManagementClient(at.identity, at.settings.subscription)
    with told(f"looking at Front Door {given.front_door}"):
        found = client.profiles.get(at.settings.resource_group, given.front_door)
    kind = str(found.as_dict().get("sku", {}).get("name"))
    if not kind.endswith("_AzureFrontDoor"):
        raise Refused(f"{given.front_door} is a profile of another kind, {kind}; take one of "
                      "Front Door Standard or Premium")  # fmt: skip
    return f"profile {given.front_door}, {kind}"
