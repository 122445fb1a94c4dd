"""
Azure Container Registry, its management: builds that really build, with buildah.

Shapes as in the official OpenAPI (2019-06-01-preview). What is pushed lies in the engine's storage,
under the registry's own name; tags and digests are kept beside it.
"""

from __future__ import annotations

import copy
import datetime
import re
import subprocess
import tarfile
import tempfile
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cloud.arm import GROUP, REGION, SUBSCRIPTION, Arm, problem
from tests.cloud.azurite import Azurite
from tests.cloud.record import Record
from tests.cloud.resources import Resources
from tests.cloud.site import Answer, Asked
from tests.infra.engine import Engine

REGISTRY = "acrmlops"
SERVER = f"{REGISTRY}.azurecr.io"
TASKS = "acr-tasks"  # the container of contexts and logs
CR = "Microsoft.ContainerRegistry/registries"
PLACE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/{CR}/{REGISTRY}"
_AT = (
    r"(?P<place>/subscriptions/[^/]+/resourceGroups/[^/]+/providers/"
    r"Microsoft\.ContainerRegistry/registries/[^/]+)"
)
_TASK_RUN, _RUN = rf"{_AT}/taskRuns/(?P<name>[^/]+)", rf"{_AT}/runs/(?P<number>[^/]+)"


@dataclass
class Misfortune:
    """
    What shall go wrong with builds from now on.

    Attributes:
        line: put at the end of each Dockerfile, such as one that fails.
        is_lost: nothing is pushed.
        end_with: a status that ends each build before it begins, such as Error.
    """

    line: str = ""
    is_lost: bool = False
    end_with: str = ""


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
        for method, pattern, handler in (
            ("POST", _AT + "/listBuildSourceUploadUrl", self._upload_url),
            ("PUT", _TASK_RUN, self._put_task_run), ("GET", _TASK_RUN, self._get_task_run),
            ("GET", _RUN, self._get_run), ("POST", _RUN + "/listLogSasUrl", self._log_url),
        ):  # fmt: skip
            arm.route(method, pattern, handler)
        for run in self.runs():  # those that a stand-in before left behind
            if run["properties"]["status"] in ("Queued", "Running"):
                self._change(run["name"], status="Error")

    def runs(self) -> list[dict[str, Any]]:
        """All builds that were ever begun."""
        return self.known.below(f"{PLACE}/runs")

    def digest(self, repository: str, tag: str) -> str | None:
        """Of what was pushed under that tag."""
        found = self.known.get(f"{PLACE}/tags/{repository.replace('/', ':')}:{tag}")
        return found["digest"] if found else None

    def repositories(self) -> list[str]:
        """Names of all that was pushed."""
        return sorted({each["repository"] for each in self.known.below(f"{PLACE}/tags")})

    def _upload_url(self, _: Asked, place: str) -> Answer:
        path = f"source/{uuid.uuid4().hex}.tar.gz"
        return Answer(body={"uploadUrl": self._signed(path), "relativePath": path})

    def _signed(self, path: str) -> str:
        token = self._storage.signature(TASKS)
        self._record.secrets.add(token)
        return f"{self._storage.url}/{TASKS}/{path}?{token}"

    def _put_task_run(self, asked: Asked, place: str, name: str) -> Answer:
        said, key = asked.body["properties"], f"{PLACE}/taskRuns/{name}"
        former = self.known.get(key)
        wanted = (said["runRequest"], said.get("forceUpdateTag"))
        if former and wanted == tuple(former["asked"]):
            return Answer(200, self._told(former))
        number = f"ca{len(self.runs()) + 1}"
        self.known.put(f"{PLACE}/runs/{number}", {
            "id": f"{PLACE}/runs/{number}", "name": number, "type": f"{CR}/runs",
            "properties": {
                "runId": number, "status": "Queued", "runType": "QuickRun",
                "createTime": _now(), "provisioningState": "Succeeded",
                "platform": {"os": "Linux", "architecture": "amd64"}, "isArchiveEnabled": False,
            },
        })  # fmt: skip
        made = {"id": key, "name": name, "type": f"{CR}/taskRuns", "location": REGION,
                "asked": list(wanted), "run": number}  # fmt: skip
        self.known.put(key, made)
        request = copy.deepcopy(said["runRequest"])
        threading.Thread(target=self._build, args=(number, request), daemon=True).start()
        return Answer(200 if former else 201, self._told(made))

    def _get_task_run(self, _: Asked, place: str, name: str) -> Answer:
        found = self.known.get(f"{PLACE}/taskRuns/{name}")
        if not found:
            return problem(404, "ResourceNotFound", f"The Resource '{CR}/{REGISTRY}/taskRuns/{name}"
                           f"' under resource group '{GROUP}' was not found.")  # fmt: skip
        return Answer(body=self._told(found))

    def _get_run(self, _: Asked, place: str, number: str) -> Answer:
        found = self.known.get(f"{PLACE}/runs/{number}")
        return Answer(body=found) if found else problem(404, "RunNotFound", number)

    def _log_url(self, _: Asked, place: str, number: str) -> Answer:
        return Answer(body={"logLink": self._signed(f"logs/{number}.log")})

    def _told(self, found: dict[str, Any]) -> dict[str, Any]:
        run = self.known.get(f"{PLACE}/runs/{found['run']}")
        status = run["properties"]["status"]
        state = {"Succeeded": "Succeeded", "Queued": "Creating", "Running": "Creating"}
        request, force = copy.deepcopy(found["asked"])
        for argument in request.get("arguments") or []:
            if argument.get("isSecret"):
                argument.pop("value", None)
        told = {key: found[key] for key in ("id", "name", "type", "location")}
        return {**told, "properties": {
            "provisioningState": state.get(status, "Failed"), "runRequest": request,
            "forceUpdateTag": force, "runResult": copy.deepcopy(run),
        }}  # fmt: skip

    def _build(self, number: str, request: dict[str, Any]) -> None:
        log: list[bytes] = []
        if self.misfortune.end_with:
            self._change(number, status=self.misfortune.end_with, finishTime=_now())
            return
        self._change(number, status="Running", startTime=_now())
        name, _, tag = request["imageNames"][0].partition(":")
        with tempfile.TemporaryDirectory() as place:
            code = self._buildah(number, request, f"{SERVER}/{name}:{tag}", Path(place), log)
        if code == 0 and self.misfortune.is_lost:
            log.append(b"failed to push image: denied\n")
            code = 1
        self._tell(number, log)
        if code:
            self._change(number, status="Failed", finishTime=_now())
            return
        digest = self._engine()(
            "image", "inspect", "--format={{.Digest}}", f"{SERVER}/{name}:{tag}"
        )
        self.known.put(f"{PLACE}/tags/{name.replace('/', ':')}:{tag}",
                       {"repository": name, "tag": tag, "digest": digest})  # fmt: skip
        image = {"registry": SERVER, "repository": name, "tag": tag, "digest": digest}
        self._change(number, status="Succeeded", finishTime=_now(), outputImages=[image])

    def _buildah(
        self, number: str, request: dict[str, Any], name: str, place: Path, log: list[bytes]
    ) -> int:
        archive = place / "source.tar.gz"
        archive.write_bytes(self._get(TASKS, request["sourceLocation"]))
        with tarfile.open(archive) as file:
            file.extractall(place / "context", filter="data")
        dockerfile = place / "context" / request["dockerFilePath"]
        if self.misfortune.line:
            dockerfile.write_text(f"{dockerfile.read_text()}\n{self.misfortune.line}\n")
        words = ["buildah", "build", "--pull-never", "--file", str(dockerfile), "--tag", name]
        for each in request.get("arguments") or []:
            words += ["--build-arg", f"{each['name']}={each['value']}"]
        environment = self._engine().whole_environment()
        with subprocess.Popen(
            [*words, str(place / "context")], env=environment, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:  # fmt: skip
            assert process.stdout
            for line in process.stdout:
                log.append(re.sub(rb"\x1b\[[0-9;]*m", b"", line))
                self._tell(number, log)
        return process.returncode

    def _tell(self, number: str, log: list[bytes]) -> None:
        self._put(TASKS, f"logs/{number}.log", b"".join(log))

    def _change(self, number: str, **facts: Any) -> None:
        with self.known.lock:
            found = self.known.get(f"{PLACE}/runs/{number}")
            found["properties"] |= facts
            self.known.put(found["id"], found)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat()
