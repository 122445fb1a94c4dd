"""
Azure Container Registry, its management: builds that really build, with buildah.

Shapes as in the official OpenAPI (2019-06-01-preview). What is pushed lies in the engine's storage,
under the registry's own name; tags and digests are kept beside it.
"""

from __future__ import annotations

import copy
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import AzureError

from tests.cloud.arm import GROUP, REGION, SUBSCRIPTION, Arm, problem
from tests.cloud.azurite import Azurite
from tests.cloud.building import Building
from tests.cloud.operations import now
from tests.cloud.pushed import Pushed
from tests.cloud.record import Record
from tests.cloud.resources import Resources
from tests.cloud.secure import hide
from tests.cloud.site import Answer, Asked
from tests.cloud.task_runs import (
    CR,
    GOING,
    PLACE,
    REGISTRY,
    SERVER,
    absent,
    asked_digest,
    new_run,
    new_task_run,
    refused,
    told,
)
from tests.infra.engine import Engine

__all__ = ["PLACE", "REGISTRY", "SERVER", "TASKS", "Builds", "Misfortune"]

TASKS = "acr-tasks"  # the container of contexts and logs
_AT = (
    r"(?P<place>/subscriptions/[^/]+/resourceGroups/[^/]+/providers/"
    r"Microsoft\.ContainerRegistry/registries/[^/]+)"
)
_TASK_RUN, _RUN = rf"{_AT}/taskRuns/(?P<name>[^/]+)", rf"{_AT}/runs/(?P<number>[^/]+)"
_OPERATION = (
    r"(?P<place>/subscriptions/[^/]+)/providers/Microsoft\.ContainerRegistry/locations/[^/]+"
    r"/operationresults/(?P<number>[^/]+)"
)


@dataclass
class Misfortune:
    """
    What shall go wrong with builds from now on.

    Attributes:
        line: put at the end of each Dockerfile, such as one that fails.
        is_lost: nothing is pushed.
        end_with: a status that ends each build before it begins, such as Error.
        delay_s: that a build runs before it does anything.
        is_stuck: builds wait for an agent that never comes.
    """

    line: str = ""
    is_lost: bool = False
    end_with: str = ""
    delay_s: float = 0.0
    is_stuck: bool = False


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
        self._engine, self._put, self._get = engine, put, get
        self.misfortune = Misfortune()
        self.pushed = Pushed(resources, PLACE, SERVER, engine)
        self._going: dict[str, Building] = {}
        for method, pattern, handler in (
            ("GET", _AT, self._registry),
            ("POST", _AT + "/listBuildSourceUploadUrl", self._upload_url),
            ("POST", _AT + "/scheduleRun", self._schedule), ("GET", _AT + "/runs", self._list),
            ("PUT", _TASK_RUN, self._put_task_run), ("GET", _TASK_RUN, self._get_task_run),
            ("DELETE", _TASK_RUN, self._delete_task_run),
            ("POST", _TASK_RUN + "/listDetails", self._get_task_run),
            ("GET", _RUN, self._get_run), ("POST", _RUN + "/cancel", self._cancel),
            ("POST", _RUN + "/listLogSasUrl", self._log_url),
        ):  # fmt: skip
            arm.route(method, pattern, _of_ours(handler))
        arm.route("GET", _OPERATION, self._operation)
        for run in self.runs():  # those that a stand-in before left behind
            if run["properties"]["status"] in GOING:
                self._end(run["name"], "Error", runErrorMessage="the agent was lost")

    def runs(self) -> list[dict[str, Any]]:
        """All builds that were ever begun."""
        return self.known.below(f"{PLACE}/runs")

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
        return Answer(body=self._begin(asked.body))

    def _put_task_run(self, asked: Asked, name: str) -> Answer:
        said = asked.body["properties"]
        if why := refused(said["runRequest"]):
            return why
        with self.known.lock:
            former = self.known.get(f"{PLACE}/taskRuns/{name}")
            if former and former["asked"] == asked_digest(said):
                return Answer(200, self._told(former))
            number = self._begin(said["runRequest"])["name"]
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

    def _delete_task_run(self, _: Asked, name: str) -> Answer:
        found = self.known.get(f"{PLACE}/taskRuns/{name}")
        if not found:
            return Answer(204)
        self._stop(found["run"])
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
        self._stop(number)
        return Answer(200)

    def _log_url(self, _: Asked, number: str) -> Answer:
        if not self.known.get(f"{PLACE}/runs/{number}"):
            return absent("runs", number)
        return Answer(body={"logLink": self._signed(f"logs/{number}.log")})

    def _told(self, found: dict[str, Any]) -> dict[str, Any]:
        return told(found, self.known.get(f"{PLACE}/runs/{found['run']}"))

    def _begin(self, request: dict[str, Any]) -> dict[str, Any]:
        for each in request.get("arguments") or []:
            if each.get("isSecret"):
                hide(each["value"], self._record)
        with self.known.lock:
            run = new_run(f"ca{len(self.runs()) + 1}", request)
            self.known.put(run["id"], run)
        arguments = (run["name"], copy.deepcopy(request), copy.copy(self.misfortune))
        threading.Thread(target=self._build, args=arguments, daemon=True).start()
        return copy.deepcopy(run)

    def _build(self, number: str, request: dict[str, Any], fate: Misfortune) -> None:
        if fate.is_stuck:
            return
        if fate.end_with:
            self._end(number, fate.end_with)
            return
        self._change(number, status="Running", startTime=now())
        self._sleep(number, fate.delay_s)
        try:
            archive = self._get(TASKS, request["sourceLocation"])
        except AzureError as error:
            self._end(number, "Failed", runErrorMessage=f"no context: {error}")
            return
        image = f"localhost/run:{number}"
        building = Building(
            self._engine(), request, archive, image,
            lambda log: self._put(TASKS, f"logs/{number}.log", log),
        )  # fmt: skip
        self._going[number] = building
        clock = threading.Timer(request.get("timeout") or 3600, self._stop, (number, "Timeout"))
        clock.start()
        code = building.run(fate.line) if self._is_going(number) else 1
        clock.cancel()
        if not self._is_going(number):
            return
        if code == 0 and fate.is_lost:
            building.say(f"failed to push image to {SERVER}: denied\n")
            code = 1
        if code:
            self._end(number, "Failed", runErrorMessage=f"failed to run step, exit code {code}")
            return
        names = request.get("imageNames") or [] if request.get("isPushEnabled", True) else []
        self._end(number, "Succeeded", outputImages=[self._pushed(each, image) for each in names])

    def _pushed(self, name: str, image: str) -> dict[str, str]:
        repository, _, tag = name.removeprefix(f"{SERVER}/").partition(":")
        digest = self.pushed.push(repository, tag or "latest", image)
        return {"registry": SERVER, "repository": repository, "tag": tag, "digest": digest}

    def _sleep(self, number: str, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self._is_going(number):
            time.sleep(0.1)

    def _is_going(self, number: str) -> bool:
        return self.known.get(f"{PLACE}/runs/{number}")["properties"]["status"] in GOING

    def _stop(self, number: str, status: str = "Canceled") -> None:
        if self._is_going(number):
            self._end(number, status)
        if building := self._going.get(number):
            building.cancel()

    def _end(self, number: str, status: str, **facts: Any) -> None:
        state = status if status in ("Succeeded", "Canceled") else "Failed"
        self._change(number, status=status, finishTime=now(), provisioningState=state, **facts)

    def _change(self, number: str, **facts: Any) -> None:
        with self.known.lock:
            found = self.known.get(f"{PLACE}/runs/{number}")
            if found["properties"]["status"] in GOING:
                found["properties"] |= {**facts, "lastUpdatedTime": now()}
                self.known.put(found["id"], found)


def _of_ours(handler: Callable[..., Answer]) -> Callable[..., Answer]:
    """Only one registry is here."""

    def answer(asked: Asked, place: str, **names: str) -> Answer:
        name = place.rpartition("/")[2]
        if name.lower() != REGISTRY:
            return problem(404, "ResourceNotFound", f"The Resource '{CR}/{name}' under resource "
                           f"group '{GROUP}' was not found.")  # fmt: skip
        return handler(asked, **names)

    return answer
