"""The words of Azure Container Instances: what a group may ask for, and what is told of it."""

from __future__ import annotations

import copy
from typing import Any

from tests.cloud.container_groups.containers import Container
from tests.cloud.container_registry.task_runs import SERVER
from tests.cloud.subscription.arm import GROUP, REGION, SUBSCRIPTION, problem
from tests.cloud.wire.site import Answer
from tests.infra.engine import lacking

CI = "Microsoft.ContainerInstance"
GROUPS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/{CI}/containerGroups"
MOST = {"maxMemoryInGB": 16.0, "maxCpu": 4.0, "maxGpuCount": 0.0}
FIXED = ("osType", "restartPolicy", "sku")  # of a group, for as long as it is there


def refused(wanted: dict[str, Any], former: dict[str, Any] | None) -> Answer | None:
    """Why this group cannot be, in the words of the service."""
    if why := lacking():
        return problem(400, "NotImplementedHere", f"containers cannot run here: {why}")
    if wanted["location"].lower() != REGION:
        return problem(400, "LocationNotAvailableForResourceType", "The provided location "
                       f"'{wanted['location']}' is not available for resource type "
                       f"'{CI}/containerGroups'.")  # fmt: skip
    containers = wanted["properties"]["containers"]
    if len(containers) != 1 or wanted["properties"].get("initContainers"):
        return problem(400, "NotImplementedHere", "this stand-in runs one container a group")
    properties = containers[0]["properties"]
    if any(
        (properties.get(f"{kind}Probe") or {}).get("exec") for kind in ("liveness", "readiness")
    ):
        return problem(400, "NotImplementedHere", "this stand-in probes by HTTP only")
    asked = properties["resources"]["requests"]
    if asked["cpu"] > MOST["maxCpu"] or asked["memoryInGB"] > MOST["maxMemoryInGB"]:
        return problem(400, "ResourceRequestsExceedsLimit", f"The requested resource {asked} "
                       f"exceeds the limit {MOST} in region '{REGION}'.")  # fmt: skip
    if former and _fixed(former) != _fixed(wanted):
        return problem(400, "InvalidContainerGroupUpdate", "The updates on container group "
                       f"'{former['name']}' are invalid. If you are going to update the os type, "
                       "restart policy, network profile, CPU, memory or GPU resources for a "
                       "container group, you must delete it first and then create a new one."
                       )  # fmt: skip
    return None


def _fixed(group: dict[str, Any]) -> tuple[Any, ...]:
    properties = group["properties"]
    resources = properties["containers"][0]["properties"]["resources"]["requests"]
    return (*(properties.get(key) for key in FIXED), resources["cpu"], resources["memoryInGB"])


def inaccessible(group: dict[str, Any], may_pull: bool, is_there: bool) -> dict[str, str] | None:
    """Why the image cannot be had, if it cannot."""
    image = group["properties"]["containers"][0]["properties"]["image"]
    own = {each.lower() for each in (group.get("identity") or {}).get("userAssignedIdentities", {})}
    shown = {
        (each.get("identity") or "").lower()
        for each in group["properties"].get("imageRegistryCredentials") or []
        if each["server"] == SERVER
    }
    if image.startswith(f"{SERVER}/") and shown & own and may_pull and is_there:
        return None
    return {"code": "InaccessibleImage", "message":
            f"The image '{image}' in container group '{group['name']}' is not accessible. "
            "Please check the image and registry credential."}  # fmt: skip


def told(group: dict[str, Any], container: Container | None) -> dict[str, Any]:
    """As Azure tells of one group: with how its container is."""
    known = copy.deepcopy(group)
    if container:
        view = container.view()
        known["properties"]["containers"][0]["properties"]["instanceView"] = view
        if view["currentState"]["state"] == "Terminated":
            is_well = view["currentState"]["exitCode"] == 0
            known["properties"]["instanceView"]["state"] = "Succeeded" if is_well else "Failed"
    return known


def listed(group: dict[str, Any]) -> dict[str, Any]:
    """As Azure tells of one group among others: without how it is."""
    known = copy.deepcopy(group)
    del known["properties"]["instanceView"]
    return known


def capabilities() -> dict[str, Any]:
    """What the region offers."""
    return {"value": [{
        "resourceType": "containerGroups", "osType": "Linux", "location": REGION,
        "ipAddressType": "Public", "gpu": "None", "capabilities": MOST,
    }]}  # fmt: skip


def usage(place: str, region: str, kind: str, used: int, most: int) -> dict[str, Any]:
    """One line of the quota."""
    return {
        "id": f"{place}/providers/{CI}/locations/{region}/usages/{kind}", "unit": "Count",
        "currentValue": used, "limit": most, "name": {"value": kind, "localizedValue": kind},
    }  # fmt: skip


def absent(name: str) -> Answer:
    """There is no such group."""
    return problem(404, "ResourceNotFound", f"The Resource '{CI}/containerGroups/{name}' under "
                   f"resource group '{GROUP}' was not found.")  # fmt: skip


def changing(name: str) -> Answer:
    """Another change goes on."""
    return problem(409, "ContainerGroupTransitioning", f"The container group '{name}' is still "
                   "transitioning, please retry later.")  # fmt: skip


def full() -> Answer:
    """The quota is used up."""
    return problem(409, "ContainerGroupQuotaReached", f"Resource type '{CI}/containerGroups' "
                   f"container group quota 'ContainerGroups' exceeded in region '{REGION}'."
                   )  # fmt: skip
