"""How resources of Azure Front Door are named and told, and what is said where there are none."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.cloud.front_door.rules import ENDPOINT, ORIGIN, ROUTE
from tests.cloud.subscription.arm import GROUP, SUBSCRIPTION, problem
from tests.cloud.wire.site import Answer

PROFILE, FRONT_DOOR_ID = "afd-mlops", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
CDN = "Microsoft.Cdn/profiles"
PROVIDER = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Cdn"
AT = f"{PROVIDER}/profiles/{PROFILE}"


def identifier_of(kind: str, parent: str, name: str) -> str:
    """Of a resource; ``parent`` is "" for what lies right below the profile."""
    above, _, last = kind.rpartition("/")
    return f"{AT}/{above}/{parent}/{last}/{name}" if above else f"{AT}/{last}/{name}"


def resource_of(kind: str, parent: str, name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """As it is kept, with what the service adds."""
    made: dict[str, Any] = {
        "id": identifier_of(kind, parent, name), "name": name, "type": f"{CDN}/{kind}",
        "properties": dict(properties),
    }  # fmt: skip
    if kind == ENDPOINT:
        mark = hashlib.sha256(name.lower().encode()).hexdigest()[:12]
        made |= {"location": "Global", "tags": {}}
        made["properties"]["hostName"] = f"{name}-{mark}.z01.azurefd.net".lower()
    told = {ORIGIN: "originGroupName", ROUTE: "endpointName"}.get(kind)
    made["properties"][told or "profileName"] = parent if told else PROFILE
    return made


def links_to(number: str, is_new: bool) -> dict[str, str]:
    """Where to follow an operation."""
    version = "api-version=2024-02-01"
    place = f"https://management.azure.com{PROVIDER}/operationresults/{number}"
    found = {"Azure-AsyncOperation": f"{place}?{version}"}
    if not is_new:
        found["Location"] = f"{place}/profileresults/{PROFILE}?{version}"
    return found


def foreign(profile: str) -> Answer | None:
    """Refused, if this is no profile of ours."""
    if profile.lower() == PROFILE:
        return None
    return problem(404, "ResourceNotFound", f"The Resource '{CDN}/{profile}' under resource group "
                   f"'{GROUP}' was not found.")  # fmt: skip


def absent(kind: str, name: str) -> Answer:
    """There is no such resource."""
    return problem(404, "NotFound", f"The resource '{CDN}/{kind}' '{name}' was not found.")
