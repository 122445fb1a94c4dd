"""
Azure Container Instances: groups whose containers really run here.

Shapes as in the official OpenAPI (2023-05-01). A change is an operation that goes on after the
answer, also in a stand-in that was started again; secrets are taken, and never given back.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cloud.container_groups.containers import Container
from tests.cloud.container_groups.group_terms import (
    CI,
    GROUPS,
    absent,
    capabilities,
    changing,
    full,
    inaccessible,
    listed,
    refused,
    told,
    usage,
)
from tests.cloud.subscription.arm import GROUP, PLACES, REGION, Arm
from tests.cloud.subscription.operations import Error, Operations, Unfinished
from tests.cloud.subscription.resources import Resources
from tests.cloud.wire import secure
from tests.cloud.wire.site import Answer, Asked
from tests.infra.engine import Engine, lacking

__all__ = ["GROUPS", "ContainerGroups", "Misfortune"]

PULL_S = 0.3  # the real one takes half a minute and more
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
        is_stuck: operations do not end, until the group is deleted.
        is_never_ready: containers run, and no traffic is let in.
    """

    may_pull: bool = True
    code: str = ""
    delay_s: float = 0.0
    used: int = 0
    most: int = 100
    command: tuple[str, ...] = ()
    image: str = ""
    is_stuck: bool = False
    is_never_ready: bool = False


class ContainerGroups:
    """
    Args:
        engine: makes the engine when a container is first asked for.
        place: where secrets of groups lie.
        may_pull: whether the role of the groups' identity says so.
    """

    def __init__(
        self, arm: Arm, resources: Resources, engine: Callable[[], Engine], place: Path,
        may_pull: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        self.known, self._engine, self._place = resources, engine, place
        self._record, self._may_pull = arm.site.record, may_pull
        self.misfortune = Misfortune()
        self.running: dict[str, Container] = {}
        self._latest: dict[str, str] = {}  # group → its last operation: those before are void
        self._lock, self._is_over = threading.RLock(), threading.Event()
        self.operations = Operations(
            arm, Resources(place.parent / "operations.json"), CI,
            {"make": self._make, "delete": self._remove},
        )  # fmt: skip
        for method, pattern, handler in (
            ("GET", _ALL, self._list), ("GET", _ONE, self._get), ("PUT", _ONE, self._put),
            ("PATCH", _ONE, self._patch), ("DELETE", _ONE, self._delete),
            ("POST", _ONE + "/start", self._start), ("POST", _ONE + "/stop", self._stop),
            ("POST", _ONE + "/restart", self._restart),
            ("GET", _ONE + "/containers/(?P<container>[^/]+)/logs", self._logs),
            ("GET", _THERE + "/usages", self._usages),
            ("GET", _THERE + "/capabilities", lambda *_, **__: Answer(body=capabilities())),
        ):  # fmt: skip
            arm.route(method, pattern, _named(handler))
        for at in PLACES:
            for group in self.known.below(_place(at)):
                if group["properties"]["instanceView"]["state"] == "Running" and not lacking():
                    self._run(_name(at, group["name"]), group)
        self.operations.resume()

    def address(self, host: str, port: int) -> tuple[str, int] | None:
        """Where a group's public name leads on this machine, if it is ready."""
        for name, container in list(self.running.items()):
            group = self.known.get(_id(name))
            public = (group["properties"].get("ipAddress") if group else None) or {}
            if public.get("fqdn") == host and container.is_ready:
                ports = [each["port"] for each in public["ports"]]
                return container.address if port in ports else None
        return None

    def close(self) -> None:
        """End all containers; they run again when the stand-in does."""
        self._is_over.set()
        with self._lock:
            containers = list(self.running.values())
            self.running.clear()
        for container in containers:
            container.stop()

    def is_busy(self) -> bool:
        """Does a group change, or a container start?"""
        starts = any(not each.is_ready for each in list(self.running.values()))
        return starts or self.operations.is_busy()

    def live(self) -> list[str]:
        """Names of the groups whose container runs."""
        return sorted(self.running)

    def _list(self, _: Asked, place: str) -> Answer:
        found = self.known.below(f"{place}/providers/{CI}/containerGroups")
        return Answer(body={"value": [listed(each) for each in found]})

    def _get(self, _: Asked, place: str, name: str) -> Answer:
        found = self.known.get(_id(name))
        return Answer(body=told(found, self.running.get(name.lower()))) if found else absent(name)

    def _put(self, asked: Asked, place: str, name: str) -> Answer:
        former = self.known.get(_id(name))
        if former and _is_changing(former):
            return changing(name)
        if why := refused(asked.body, former):
            return why
        if self.misfortune.used >= self.misfortune.most and not former:
            return full()
        group = copy.deepcopy(asked.body)
        secure.take(group, self._secrets(name), self._record)
        if address := group["properties"].get("ipAddress"):
            address["ip"] = "20.0.0.1"
            if label := address.get("dnsNameLabel"):
                address["fqdn"] = f"{label}.{REGION}.azurecontainer.io"
        group |= {"id": _id(name), "name": _plain(name), "type": f"{CI}/containerGroups"}
        self._state(name, "Pending", "Pending", group)
        number = self._begin("make", name)
        return Answer(200 if former else 201, told(group, None), self.operations.followed(number))

    def _make(self, number: str, name: str) -> Error | None:
        """What an operation does; the error that it ends with, if any."""
        self._end(name)
        fate = self.misfortune
        code, fate.code = fate.code, ""
        self._wait(PULL_S)
        while fate.is_stuck and self._is_latest(number, name):
            self._wait(0.2)
        group = self.known.get(_id(name))
        if not group or not self._is_latest(number, name):
            return {"code": "OperationPreempted", "message": f"{name} was changed meanwhile."}
        image = group["properties"]["containers"][0]["properties"]["image"]
        is_there = self._engine().tried("image", "exists", image).returncode == 0
        may_pull = fate.may_pull and self._may_pull()
        error = {"code": code, "message": f"{code} for container group '{name}'."} if code else (
            inaccessible(group, may_pull, is_there))  # fmt: skip
        if error:
            self._state(name, "Failed", "Failed")
            return error
        self._state(name, "Creating", "Pending")
        with self._lock:
            if self._is_over.is_set() or not self._is_latest(number, name):
                raise Unfinished
            container = self._run(name, group)
        while not container.has_begun.wait(0.2):
            self._wait(0)
        if self._is_latest(number, name):
            self._state(name, "Succeeded", "Running")
        return None

    def _run(self, name: str, group: dict[str, Any]) -> Container:
        spec, fate = copy.deepcopy(group["properties"]["containers"][0]), self.misfortune
        if fate.command:
            spec["properties"]["command"] = list(fate.command)
        if fate.image:
            spec["properties"]["image"] = fate.image
        container = Container(
            self._engine(), name.lower(), spec, self._secrets(name),
            policy=group["properties"].get("restartPolicy") or "Always",
            is_never_ready=fate.is_never_ready,
        )  # fmt: skip
        with self._lock:
            self.running[name.lower()] = container
        container.start(fate.delay_s)
        return container

    def _end(self, name: str) -> None:
        with self._lock:
            container = self.running.pop(name.lower(), None)
        if container:
            container.stop()

    def _patch(self, asked: Asked, place: str, name: str) -> Answer:
        with self.known.lock:
            found = self.known.get(_id(name))
            if not found:
                return absent(name)
            found["tags"] = asked.body.get("tags", found.get("tags"))
            self.known.put(found["id"], found)
        return Answer(body=told(found, self.running.get(name.lower())))

    def _delete(self, _: Asked, place: str, name: str) -> Answer:
        if not self.known.get(_id(name)):
            return Answer(204)
        self._state(name, "Deleting", "Stopped")
        return self.operations.accepted(self._begin("delete", name))

    def _remove(self, number: str, name: str) -> Error | None:
        self._end(name)
        self.known.remove(_id(name))
        secure.forget(self._secrets(name))
        return None

    def _start(self, _: Asked, place: str, name: str) -> Answer:
        found = self.known.get(_id(name))
        if not found:
            return absent(name)
        if _is_changing(found):
            return changing(name)
        if name.lower() in self.running:
            return Answer(204)
        self._state(name, "Pending", "Pending")
        return self.operations.accepted(self._begin("make", name))

    def _stop(self, _: Asked, place: str, name: str) -> Answer:
        found = self.known.get(_id(name))
        if not found:
            return absent(name)
        if _is_changing(found):
            return changing(name)
        self._state(name, "Succeeded", "Stopped")
        self._end(name)
        return Answer(204)

    def _restart(self, _: Asked, place: str, name: str) -> Answer:
        found = self.known.get(_id(name))
        if not found:
            return absent(name)
        if _is_changing(found):
            return changing(name)
        self._state(name, "Pending", "Pending")
        self._begin("make", name)
        return Answer(204)

    def _logs(self, asked: Asked, place: str, name: str, container: str) -> Answer:
        group, found = self.known.get(_id(name)), self.running.get(name.lower())
        if not group:
            return absent(name)
        tail = asked.query.get("tail")
        return Answer(body={"content": found.logs(int(tail) if tail else None) if found else ""})

    def _usages(self, _: Asked, place: str, region: str) -> Answer:
        groups = [each for at in PLACES for each in self.known.below(_place(at))]
        cores = sum(
            each["properties"]["containers"][0]["properties"]["resources"]["requests"]["cpu"]
            for each in groups
        )
        used, most = self.misfortune.used or len(groups), self.misfortune.most
        return Answer(body={"value": [
            usage(place, region, "ContainerGroups", used, most),
            usage(place, region, "StandardCores", int(cores), most),
        ]})  # fmt: skip

    def _secrets(self, name: str) -> Path:
        return self._place / name.lower()

    def _begin(self, kind: str, name: str) -> str:
        with self._lock:
            number = self.operations.begin(kind, name)
            self._latest[name.lower()] = number
        return number

    def _is_latest(self, number: str, name: str) -> bool:
        with self._lock:
            return self._latest.setdefault(name.lower(), number) == number

    def _wait(self, seconds: float) -> None:
        if self._is_over.wait(seconds):
            raise Unfinished

    def _state(
        self, name: str, provisioning: str, state: str, group: dict[str, Any] | None = None
    ) -> None:
        with self.known.lock:
            found = group or self.known.get(_id(name))
            if found:
                found["properties"] |= {
                    "provisioningState": provisioning,
                    "instanceView": {"events": [], "state": state},
                }
                self.known.put(found["id"], found)


def _named(handler: Callable[..., Answer]) -> Callable[..., Answer]:
    """With a name that distinguishes groups of other resource groups as well."""

    def answer(asked: Asked, **names: str) -> Answer:
        if "name" in names:
            names["name"] = _name(names["place"].rpartition("/")[2], names["name"])
        return handler(asked, **names)

    return answer


def _name(resource_group: str, group: str) -> str:
    return group if resource_group.lower() == GROUP else f"{resource_group.lower()}.{group}"


def _plain(name: str) -> str:
    return name.rpartition(".")[2]


def _place(resource_group: str) -> str:
    return GROUPS.replace(f"/{GROUP}/", f"/{resource_group}/")


def _id(name: str) -> str:
    resource_group, _, group = name.rpartition(".")
    return f"{_place(resource_group or GROUP)}/{group}"


def _is_changing(group: dict[str, Any]) -> bool:
    return group["properties"]["provisioningState"] in ("Pending", "Creating", "Deleting")
