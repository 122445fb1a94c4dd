"""
Azure Container Registry, its management: builds that really build, with buildah.

Shapes as in the official OpenAPI (2019-06-01-preview). What is pushed lies in the engine's storage,
under the registry's own name; tags and digests are kept beside it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from tests.cloud.container_registry.agents import TASKS, Agents, Misfortune
from tests.cloud.container_registry.pushed import Pushed
from tests.cloud.container_registry.task_runs import (
    CR,
    GOING,
    PLACE,
    REGISTRY,
    SERVER,
    absent,
    asked_digest,
    new_task_run,
    refused,
    told,
)
from tests.cloud.subscription.arm import GROUP, REGION, SUBSCRIPTION, Arm, problem
from tests.cloud.subscription.azurite import Azurite
from tests.cloud.subscription.resources import Resources
from tests.cloud.wire.record import Record
from tests.cloud.wire.site import Answer, Asked
from tests.infra.engine import Engine

__all__ = ["PLACE", "REGISTRY", "SERVER", "TASKS", "Builds", "Misfortune"]

_AT = (
    r"(?P<place>/subscriptions/[^/]+/resourceGroups/[^/]+/providers/"
    r"Microsoft\.ContainerRegistry/registries/[^/]+)"
)
_TASK_RUN, _RUN = rf"{_AT}/taskRuns/(?P<name>[^/]+)", rf"{_AT}/runs/(?P<number>[^/]+)"
_OPERATION = (
    r"(?P<place>/subscriptions/[^/]+)/providers/Microsoft\.ContainerRegistry/locations/[^/]+"
    r"/operationresults/(?P<number>[^/]+)"
)


class Builds:
    """
    Args:
        engine: makes the engine when something is first built.
        put: writes a blob as the owner of the storage: container, name, bytes.
        get: reads one.
    """

    def __init__(
        self, arm: Arm, resources: Resources, storage: Azurite, record: Record,
        engine: Callable[[], Engine], put: Callable[[str, str, bytes], None],
        get: Callable[[str, str], bytes],
    ) -> None:  # fmt: skip
        self.known, self._storage, self._record = resources, storage, record
        self.pushed = Pushed(resources, PLACE, SERVER, engine)
        self._agents = Agents(resources, self.pushed, record, engine, put, get)
        for method, pattern, handler in (
            ("GET", _AT, self._registry),
            ("POST", _AT + "/listBuildSourceUploadUrl", self._upload_url),
            ("POST", _AT + "/scheduleRun", self._schedule), ("GET", _AT + "/runs", self._list),
            ("PUT", _TASK_RUN, self._put_task_run), ("GET", _TASK_RUN, self._get_task_run),
            ("DELETE", _TASK_RUN, self._delete_task_run),
            ("POST", _TASK_RUN + "/listDetails", self._get_task_run),
            ("GET", _AT + "/taskRuns", self._list_task_runs),
            ("GET", _RUN, self._get_run),
            ("POST", _RUN + "/cancel", self._cancel),
            ("POST", _RUN + "/listLogSasUrl", self._log_url),
        ):  # fmt: skip
            arm.route(method, pattern, _of_ours(handler))
        arm.route("GET", _OPERATION, self._operation)

    @property
    def misfortune(self) -> Misfortune:
        """What shall go wrong from now on."""
        return self._agents.misfortune

    @misfortune.setter
    def misfortune(self, fate: Misfortune) -> None:
        self._agents.misfortune = fate

    def runs(self) -> list[dict[str, Any]]:
        """All builds that were ever begun."""
        return self._agents.runs()

    def digest(self, repository: str, tag: str) -> str | None:
        """Of what was pushed under that tag."""
        found = self.pushed.tag(repository, tag)
        return found["digest"] if found else None

    def _registry(self, _: Asked) -> Answer:
        return Answer(body={
            "id": PLACE, "name": REGISTRY, "type": CR, "location": REGION, "tags": {},
            "sku": {"name": "Basic", "tier": "Basic"},
            "properties": {"loginServer": SERVER, "provisioningState": "Succeeded",
                           "adminUserEnabled": False},
        })  # fmt: skip

    def _upload_url(self, _: Asked) -> Answer:
        path = f"source/{uuid.uuid4().hex}.tar.gz"
        return Answer(body={"uploadUrl": self._signed(path), "relativePath": path})

    def _signed(self, path: str) -> str:
        token = self._storage.signature(TASKS)
        self._record.secrets.add(token)
        return f"{self._storage.url}/{TASKS}/{path}?{token}"

    def _schedule(self, asked: Asked) -> Answer:
        if why := refused(asked.body):
            return why
        return Answer(body=self._agents.begin(asked.body))

    def _put_task_run(self, asked: Asked, name: str) -> Answer:
        said = asked.body["properties"]
        if why := refused(said["runRequest"]):
            return why
        with self.known.lock:
            former = self.known.get(f"{PLACE}/taskRuns/{name}")
            if former and former["asked"] == asked_digest(said):
                return Answer(200, self._told(former))
            number = self._agents.begin(said["runRequest"])["name"]
            made = new_task_run(name, number, said, asked.body.get("location", ""))
            self.known.put(made["id"], made)
        where = (f"https://management.azure.com/subscriptions/{SUBSCRIPTION}/providers/Microsoft."
                 f"ContainerRegistry/locations/{REGION}/operationResults/taskruns-{number}"
                 "?api-version=2025-03-01-preview")  # fmt: skip
        headers = {"Azure-AsyncOperation": where, "Retry-After": "0"}
        return Answer(200 if former else 201, self._told(made), headers)

    def _get_task_run(self, _: Asked, name: str) -> Answer:
        found = self.known.get(f"{PLACE}/taskRuns/{name}")
        return Answer(body=self._told(found)) if found else absent("taskRuns", name)

    def _list_task_runs(self, _: Asked) -> Answer:
        found = self.known.below(f"{PLACE}/taskRuns")
        return Answer(body={"value": [self._told(each) for each in found]})

    def _delete_task_run(self, _: Asked, name: str) -> Answer:
        found = self.known.get(f"{PLACE}/taskRuns/{name}")
        if not found:
            return Answer(204)
        self._agents.cancel(found["run"])
        self.known.remove(f"{PLACE}/taskRuns/{name}")
        return Answer(200)

    def _operation(self, _: Asked, place: str, number: str) -> Answer:
        run = self.known.get(f"{PLACE}/runs/{number.rpartition('-')[2]}")
        if not run:
            return absent("operationResults", number)
        status = run["properties"]["status"]
        body: dict[str, Any] = {"status": "InProgress" if status in GOING else status}
        if status not in (*GOING, "Succeeded", "Canceled"):
            error = {"code": "RunFailed", "message": f"Run {run['name']} ended as {status}."}
            body = {"status": "Failed", "error": error}
        return Answer(body=body)

    def _list(self, _: Asked) -> Answer:
        return Answer(body={"value": self.runs()[::-1]})

    def _get_run(self, _: Asked, number: str) -> Answer:
        found = self.known.get(f"{PLACE}/runs/{number}")
        return Answer(body=found) if found else absent("runs", number)

    def _cancel(self, _: Asked, number: str) -> Answer:
        if not self.known.get(f"{PLACE}/runs/{number}"):
            return absent("runs", number)
        self._agents.cancel(number)
        return Answer(200)

    def _log_url(self, _: Asked, number: str) -> Answer:
        if not self.known.get(f"{PLACE}/runs/{number}"):
            return absent("runs", number)
        return Answer(body={"logLink": self._signed(f"logs/{number}.log")})

    def _told(self, found: dict[str, Any]) -> dict[str, Any]:
        return told(found, self.known.get(f"{PLACE}/runs/{found['run']}"))


def _of_ours(handler: Callable[..., Answer]) -> Callable[..., Answer]:
    """Only one registry is here."""

    def answer(asked: Asked, place: str, **names: str) -> Answer:
        name = place.rpartition("/")[2]
        if name.lower() != REGISTRY:
            return problem(404, "ResourceNotFound", f"The Resource '{CR}/{name}' under resource "
                           f"group '{GROUP}' was not found.")  # fmt: skip
        return handler(asked, **names)

    return answer
