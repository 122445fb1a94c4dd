"""The words of Azure Container Registry's builds: runs, and task runs that hold one each."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

from tests.cloud.subscription.arm import GROUP, REGION, SUBSCRIPTION, problem
from tests.cloud.subscription.operations import now, plain
from tests.cloud.wire.secure import masked
from tests.cloud.wire.site import Answer
from tests.infra.engine import lacking

REGISTRY = "acrmlops"
SERVER = f"{REGISTRY}.azurecr.io"
CR = "Microsoft.ContainerRegistry/registries"
PLACE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/{CR}/{REGISTRY}"
GOING = ("Queued", "Started", "Running")
CALLED = {"Succeeded": "Succeeded", "Canceled": "Canceled", **dict.fromkeys(GOING, "Creating")}


def new_run(number: str, request: dict[str, Any]) -> dict[str, Any]:
    """A run that waits."""
    return {
        "id": f"{PLACE}/runs/{number}", "name": number, "type": f"{CR}/runs",
        "properties": {
            "runId": number, "status": "Queued", "runType": "QuickBuild", "createTime": now(),
            "lastUpdatedTime": now(), "provisioningState": "Creating",
            "platform": {"os": "Linux", "architecture": "amd64", **request["platform"]},
            "isArchiveEnabled": bool(request.get("isArchiveEnabled")),
        },
    }  # fmt: skip


def new_task_run(name: str, number: str, said: dict[str, Any], location: str) -> dict[str, Any]:
    """A task run as it is kept: what was asked for by its digest, secrets left out."""
    return {
        "id": f"{PLACE}/taskRuns/{name}", "name": name, "type": f"{CR}/taskRuns",
        "location": location or REGION, "run": number, "asked": asked_digest(said),
        "request": masked(said["runRequest"]), "force": said.get("forceUpdateTag"),
    }  # fmt: skip


def asked_digest(said: dict[str, Any]) -> str:
    """Of all that makes a task run run again when it changes."""
    wanted = [said["runRequest"], said.get("forceUpdateTag")]
    return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()


def told(found: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """A task run as Azure tells of it."""
    known = {key: found[key] for key in ("id", "name", "type", "location")}
    return {**known, "properties": plain({
        "provisioningState": CALLED.get(run["properties"]["status"], "Failed"),
        "runRequest": copy.deepcopy(found["request"]), "forceUpdateTag": found["force"],
        "runResult": copy.deepcopy(run),
    })}  # fmt: skip


def refused(request: dict[str, Any]) -> Answer | None:
    """Why no run can come of this request."""
    if why := lacking():
        return problem(400, "NotImplementedHere", f"images cannot be built here: {why}")
    kind, platform = request.get("type"), request.get("platform") or {}
    if kind != "DockerBuildRequest":
        return problem(400, "NotImplementedHere", f"this stand-in builds images, and has no {kind}")
    if (
        platform.get("os", "").lower() != "linux"
        or platform.get("architecture", "amd64") != "amd64"
    ):
        return problem(400, "NotImplementedHere", f"this stand-in builds for Linux/amd64, not for "
                       f"{platform}")  # fmt: skip
    if not request.get("dockerFilePath") or not request.get("sourceLocation"):
        return problem(400, "InvalidParameter", "dockerFilePath and sourceLocation are required")
    if not 300 <= request.get("timeout", 3600) <= 28800:
        return problem(400, "InvalidParameter", "timeout must be from 300 to 28800")
    return None


def absent(kind: str, name: str) -> Answer:
    """There is no such thing."""
    return problem(404, "ResourceNotFound", f"The Resource '{CR}/{REGISTRY}/{kind}/{name}' under "
                   f"resource group '{GROUP}' was not found.")  # fmt: skip
