"""
Azure Container Instances: groups whose containers really run here.

Shapes as in the official OpenAPI (2023-05-01). A change is an operation that goes on after the
answer; secrets are taken, and never given back.
"""

from __future__ import annotations

import copy
import datetime
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cloud.arm import GROUP, REGION, SUBSCRIPTION, Arm, problem
from tests.cloud.containers import Container, write_secrets
from tests.cloud.resources import Resources
from tests.cloud.site import Answer, Asked
from tests.infra.engine import Engine

CI = "Microsoft.ContainerInstance"
GROUPS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/{CI}/containerGroups"
_PROVIDER = r"providers/Microsoft\.ContainerInstance"
_ALL = rf"(?P<place>/subscriptions/[^/]+/resourceGroups/[^/]+)/{_PROVIDER}/containerGroups"
_ONE = rf"{_ALL}/(?P<name>[^/]+)"
_THERE = rf"(?P<place>/subscriptions/[^/]+)/{_PROVIDER}/locations/(?P<region>[^/]+)"


@dataclass
class Misfortune:
    """
    What shall go wrong with groups from now on.

    Attributes:
        may_pull: the groups' identity has AcrPull.
        code: that the next operation fails with, as ``Failed``.
        delay_s: that a container takes before it starts.
        used: groups in use of ``most``, as the quota says.
        command: to run in the place of what was asked for, such as one that crashes.
        image: to run in the place of the one asked for: a model that was swapped.
    """

    may_pull: bool = True
    code: str = ""
    delay_s: float = 0.0
    used: int = 0
    most: int = 100
    command: tuple[str, ...] = ()
    image: str = ""


class ContainerGroups:
    """
    Args:
        engine: makes the engine when a container is first asked for.
        place: where secrets of volumes lie.
    """

    def __init__(
        self, arm: Arm, resources: Resources, engine: Callable[[], Engine], place: Path
    ) -> None:
        self.known, self._engine, self._place = resources, engine, place
        self.misfortune = Misfortune()
        self.running: dict[str, Container] = {}
        self._operations: dict[str, dict[str, Any]] = {}
        self._lock = threading.RLock()
        for method, pattern, handler in (
            ("GET", _ALL, self._list), ("GET", _ONE, self._get), ("PUT", _ONE, self._put),
            ("PATCH", _ONE, self._patch), ("DELETE", _ONE, self._delete),
            ("POST", _ONE + "/start", self._start), ("POST", _ONE + "/stop", self._stop),
            ("POST", _ONE + "/restart", self._restart),
            ("GET", _ONE + "/containers/(?P<container>[^/]+)/logs", self._logs),
            ("GET", _THERE + "/usages", self._usages),
            ("GET", _THERE + "/operations/(?P<number>[^/]+)", self._operation),
            ("GET", _THERE + "/operationresults/(?P<number>[^/]+)", self._result),
        ):  # fmt: skip
            arm.route(method, pattern, handler)
        for group in self.known.below(GROUPS):
            if group["properties"]["instanceView"]["state"] == "Running":
                self._run(group["name"], group)

    def address(self, host: str, port: int) -> tuple[str, int] | None:
        """Where a group's public name leads on this machine, if it is ready."""
        for name, container in list(self.running.items()):
            group = self.known.get(f"{GROUPS}/{name}")
            if group and group["properties"]["ipAddress"]["fqdn"] == host and container.is_ready:
                ports = [each["port"] for each in group["properties"]["ipAddress"]["ports"]]
                return container.address if port in ports else None
        return None

    def close(self) -> None:
        """End all containers; they run again when the stand-in does."""
        for container in list(self.running.values()):
            container.stop()
        self.running.clear()

    def live(self) -> list[str]:
        """Names of the groups whose container runs."""
        return sorted(self.running)

    def _list(self, _: Asked, place: str) -> Answer:
        return Answer(body={"value": [_told(each, None) for each in self.known.below(GROUPS)]})

    def _get(self, _: Asked, place: str, name: str) -> Answer:
        found = self.known.get(f"{GROUPS}/{name}")
        if not found:
            return _absent(name)
        return Answer(body=_told(found, self.running.get(name.lower())))

    def _put(self, asked: Asked, place: str, name: str) -> Answer:
        former = self.known.get(f"{GROUPS}/{name}")
        if former and former["properties"]["provisioningState"] in ("Pending", "Creating"):
            return _changing(name)
        if self.misfortune.used >= self.misfortune.most and not former:
            return problem(409, "ContainerGroupQuotaReached", f"Resource type 'Microsoft.Container"
                           f"Instance/containerGroups' container group quota "
                           f"'ContainerGroups' exceeded in region '{REGION}'.")  # fmt: skip
        group = copy.deepcopy(asked.body)
        if group["location"].lower() != REGION:
            return problem(400, "LocationNotAvailableForResourceType", "The provided location "
                           f"'{group['location']}' is not available for resource type "
                           "'Microsoft.ContainerInstance/containerGroups'.")  # fmt: skip
        secrets = self._place / name.lower()
        write_secrets(group["properties"].get("volumes") or [], secrets)
        for volume in group["properties"].get("volumes") or []:
            if "secret" in volume:
                volume["secret"] = {}
        address = group["properties"]["ipAddress"]
        address |= {"ip": "20.0.0.1", "fqdn":
                    f"{address['dnsNameLabel']}.{REGION}.azurecontainer.io"}  # fmt: skip
        group |= {"id": f"{GROUPS}/{name}", "name": name, "type": f"{CI}/containerGroups"}
        group["properties"] |= {"provisioningState": "Pending",
                                "instanceView": {"events": [], "state": "Pending"}}  # fmt: skip
        self.known.put(group["id"], group)
        self._end(name)
        code = self.misfortune.code
        self.misfortune.code = ""
        number = self._operate(lambda: self._make(name, code))
        headers = {"Azure-AsyncOperation": _url(f"operations/{number}"), "Retry-After": "0"}
        return Answer(200 if former else 201, _told(group, None), headers)

    def _make(self, name: str, code: str) -> dict[str, str] | None:
        """What an operation does; the error that it ends with, if any."""
        group = self.known.get(f"{GROUPS}/{name}")
        time.sleep(0.3)
        image = group["properties"]["containers"][0]["properties"]["image"]
        if (
            not self.misfortune.may_pull
            or self._engine().tried("image", "exists", image).returncode
        ):
            code = code or "InaccessibleImage"
        if code:
            self._state(name, "Failed", "Failed")
            return {
                "code": code,
                "message": f"The image '{image}' in container group '{name}' is "
                "not accessible. Please check the image and registry credential."
                if code == "InaccessibleImage"
                else f"{code} for container group '{name}'.",
            }
        self._run(name, group)
        self._state(name, "Succeeded", "Running")
        return None

    def _run(self, name: str, group: dict[str, Any]) -> None:
        spec = copy.deepcopy(group["properties"]["containers"][0])
        if self.misfortune.command:
            spec["properties"]["command"] = list(self.misfortune.command)
        if self.misfortune.image:
            spec["properties"]["image"] = self.misfortune.image
        container = Container(self._engine(), name.lower(), spec, self._place / name.lower())
        with self._lock:
            self.running[name.lower()] = container
        container.start(self.misfortune.delay_s)

    def _end(self, name: str) -> None:
        with self._lock:
            container = self.running.pop(name.lower(), None)
        if container:
            container.stop()

    def _patch(self, asked: Asked, place: str, name: str) -> Answer:
        found = self.known.get(f"{GROUPS}/{name}")
        if not found:
            return _absent(name)
        found["tags"] = asked.body.get("tags", found.get("tags"))
        self.known.put(found["id"], found)
        return Answer(body=_told(found, self.running.get(name.lower())))

    def _delete(self, _: Asked, place: str, name: str) -> Answer:
        if not self.known.get(f"{GROUPS}/{name}"):
            return Answer(204)

        def remove() -> None:
            self._end(name)
            self.known.remove(f"{GROUPS}/{name}")

        return self._accepted(self._operate(remove))

    def _start(self, _: Asked, place: str, name: str) -> Answer:
        found = self.known.get(f"{GROUPS}/{name}")
        if not found:
            return _absent(name)
        if name.lower() in self.running:
            return Answer(204)
        found["properties"]["provisioningState"] = "Pending"
        self.known.put(found["id"], found)
        return self._accepted(self._operate(lambda: self._make(name, "")))

    def _stop(self, _: Asked, place: str, name: str) -> Answer:
        if not self.known.get(f"{GROUPS}/{name}"):
            return _absent(name)
        self._end(name)
        self._state(name, "Succeeded", "Stopped")
        return Answer(204)

    def _restart(self, asked: Asked, place: str, name: str) -> Answer:
        self._stop(asked, place, name)
        self._make(name, "")
        return Answer(204)

    def _logs(self, asked: Asked, place: str, name: str, container: str) -> Answer:
        tail = asked.query.get("tail")
        found = self.running.get(name.lower())
        return Answer(body={"content": found.logs(int(tail) if tail else None) if found else ""})

    def _usages(self, _: Asked, place: str, region: str) -> Answer:
        used = self.misfortune.used or len(self.known.below(GROUPS))
        name = {"value": "ContainerGroups", "localizedValue": "Container Groups"}
        return Answer(body={"value": [{
            "id": f"{place}/providers/{CI}/locations/{region}/usages/ContainerGroups",
            "unit": "Count", "currentValue": used, "limit": self.misfortune.most, "name": name,
        }]})  # fmt: skip

    def _operation(self, _: Asked, place: str, region: str, number: str) -> Answer:
        found = self._operations.get(number, {"status": "Succeeded"})
        return Answer(body={"id": f"{place}/{number}", "name": number, **found})

    def _result(self, _: Asked, place: str, region: str, number: str) -> Answer:
        is_over = self._operations.get(number, {}).get("status") != "InProgress"
        return Answer(204) if is_over else self._accepted(number)

    def _operate(self, act: Callable[[], dict[str, str] | None]) -> str:
        number = uuid.uuid4().hex
        self._operations[number] = {
            "status": "InProgress", "startTime": datetime.datetime.now(datetime.UTC).isoformat(),
        }  # fmt: skip

        def run() -> None:
            error = act()
            ended = {"status": "Failed", "error": error} if error else {"status": "Succeeded"}
            self._operations[number] |= ended

        threading.Thread(target=run, daemon=True).start()
        return number

    def _accepted(self, number: str) -> Answer:
        return Answer(
            202, None, {"Location": _url(f"operationresults/{number}"), "Retry-After": "0"}
        )

    def _state(self, name: str, provisioning: str, state: str) -> None:
        with self.known.lock:
            found = self.known.get(f"{GROUPS}/{name}")
            if found:
                found["properties"] |= {
                    "provisioningState": provisioning,
                    "instanceView": {"events": [], "state": state},
                }
                self.known.put(found["id"], found)


def _told(group: dict[str, Any], container: Container | None) -> dict[str, Any]:
    """As Azure tells of it: no secret, and how the container is."""
    told = copy.deepcopy(group)
    now = datetime.datetime.now(datetime.UTC).isoformat()
    for each in told["properties"]["containers"]:
        for variable in each["properties"].get("environmentVariables") or []:
            variable.pop("secureValue", None)
        if container:
            view: dict[str, Any] = {
                "restartCount": container.restarts,
                "currentState": {"state": container.state, "startTime": now, "detailStatus": ""},
                "events": [
                    {"count": 1, "firstTimestamp": now, "lastTimestamp": now, "name": name,
                     "message": message, "type": "Normal"} for name, message in container.events
                ],
            }  # fmt: skip
            if container.exit_code is not None:
                view["previousState"] = {"state": "Terminated", "exitCode": container.exit_code,
                                         "detailStatus": "Error"}  # fmt: skip
            each["properties"]["instanceView"] = view
    return told


def _url(path: str) -> str:
    return (f"https://management.azure.com/subscriptions/{SUBSCRIPTION}/providers/{CI}/locations/"
            f"{REGION}/{path}?api-version=2023-05-01")  # fmt: skip


def _absent(name: str) -> Answer:
    return problem(404, "ResourceNotFound", f"The Resource '{CI}/containerGroups/{name}' under "
                   f"resource group '{GROUP}' was not found.")  # fmt: skip


def _changing(name: str) -> Answer:
    return problem(409, "ContainerGroupTransitioning", f"The container group '{name}' is still "
                   "transitioning, please retry later.")  # fmt: skip
