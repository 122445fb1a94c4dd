"""A version goes live in real containers, behind a real proxy; nothing bad does."""

from __future__ import annotations

import base64
import contextlib
import copy
import dataclasses
import itertools
import json
import os
import re
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from model.folder import ModelFolder, write_json, write_manifest
from tasks.backends.azure.clients import Clients
from tasks.backends.azure.containers.settings import read_serving
from tasks.backends.azure.endpoints import ContainerEndpoints, open_endpoints
from tasks.errors import Refused, Transient
from tasks.records import ModelVersion
from tests.cloud.container_groups.groups import GROUPS
from tests.cloud.container_groups.groups import Misfortune as Groups
from tests.cloud.container_registry.builds import PLACE, SERVER
from tests.cloud.container_registry.builds import Misfortune as Building
from tests.cloud.front_door.shapes import FRONT_DOOR_ID
from tests.cloud.parts import reached
from tests.cloud.stand_in import StandIn
from tests.cloud.wire.judge import judge
from tests.conftest import encoded, picture
from tests.infra.engine import require_tools

OPERATIONS = {
    "ContainerGroups_CreateOrUpdate", "ContainerGroups_Get", "ContainerGroups_Update",
    "ContainerGroups_Delete", "ContainerGroups_Start", "ContainerGroups_Stop",
    "ContainerGroups_ListByResourceGroup", "Containers_ListLogs", "Location_ListUsage",
    "Registries_GetBuildSourceUploadUrl", "TaskRuns_Create", "TaskRuns_Get", "Runs_GetLogSasUrl",
    "AFDEndpoints_Get", "AFDEndpoints_Create", "AFDOriginGroups_Get", "AFDOriginGroups_Create",
    "AFDOrigins_Get", "AFDOrigins_Create", "Routes_Get", "Routes_Create",
}  # fmt: skip
NUMBERS = itertools.count(100)
pytestmark = [pytest.mark.cloud, pytest.mark.image, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    require_tools()
    place = tmp_path_factory.mktemp("cloud")
    with reached(place, serves=True) as made:
        yield made
    made.forget()


@pytest.fixture
def endpoints(cloud: StandIn, tmp_path: Path) -> ContainerEndpoints:
    serving = read_serving()
    assert serving
    return open_endpoints(Clients.open(), serving, tmp_path)[0]


@pytest.fixture(scope="module")
def versions(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[ModelVersion]:
    """Three models that differ in the names of their labels."""
    place = tmp_path_factory.mktemp("versions")
    return [altered(model_folder, number, place) for number in (1, 2, 3)]


def altered(model: Path, number: int, place: Path) -> ModelVersion:
    """The same model with another name of a label: another digest, another version."""
    folder = place / f"version-{number}"
    shutil.copytree(model, folder, ignore=shutil.ignore_patterns("manifest.json"))
    known = json.loads((folder / "labels.json").read_text())
    write_json(folder / "labels.json", {**known, "labels": [f"bright {number}", "dark"]})
    facts = {k: v for k, v in ModelFolder.read(model).manifest.items()
             if k not in ("files", "model_digest")}  # fmt: skip
    write_manifest(folder, **facts)
    digest = ModelFolder.read(folder).digest
    return ModelVersion("light", number, digest, folder, {"verdict_key": "v"})


def version_at(url: str, cloud: StandIn) -> str:
    headers = {"Authorization": f"Bearer {os.environ['MLOPS_ENDPOINT_KEYS']}"}
    with httpx.Client(verify=str(cloud.bundle)) as client:
        said = client.get(f"{url}/version", headers=headers).raise_for_status().json()
    return str(said["version"])


@pytest.fixture(autouse=True)
def fortune(cloud: StandIn) -> Iterator[None]:
    """Whatever a test lets go wrong, goes right again after it."""
    yield
    cloud.groups.misfortune, cloud.builds.misfortune = Groups(), Building()
    cloud.permissions.may_pull, cloud.door.refuses = True, ""


@pytest.fixture
def serving(cloud: StandIn, endpoints: ContainerEndpoints, versions: list[ModelVersion]) -> Asked:
    """The first version serves, and is asked all the time."""
    deployment = endpoints.deploy(versions[0], None, quiet)
    return Asked(deployment.url, cloud)


def quiet(_: str) -> None: ...


class Asked:
    """Asks an address again and again, by several threads, and keeps what it was told."""

    def __init__(self, url: str, cloud: StandIn) -> None:
        self.url, self._bundle = url, str(cloud.bundle)
        self.versions: Counter[str] = Counter()
        self.failures: list[str] = []
        self._is_over = threading.Event()

    def __enter__(self) -> Asked:
        self._threads = [threading.Thread(target=self._ask) for _ in range(3)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        headers = {"Authorization": f"Bearer {os.environ['MLOPS_ENDPOINT_KEYS']}",
                   "Content-Type": "image/png"}  # fmt: skip
        body = encoded(picture(1))
        with httpx.Client(verify=self._bundle, headers=headers, timeout=20) as client:
            while not self._is_over.wait(0.05):
                try:
                    answer = client.post(f"{self.url}/score", content=body).raise_for_status()
                    self.versions[answer.headers["X-Model-Version"]] += 1
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))


def test_versions_follow_each_other_at_one_address(cloud, endpoints, versions):
    first = endpoints.deploy(versions[0], None, quiet)
    with Asked(first.url, cloud) as asked:
        second = endpoints.deploy(versions[1], None, quiet)

    assert first.url == second.url
    assert first.url.startswith("https://light-")
    assert asked.failures == []
    assert set(asked.versions) == {"1", "2"}
    assert endpoints.live("light") == second
    assert cloud.groups.live() == ["light-green"]
    assert len(cloud.builds.runs()) == 2


def test_the_same_version_is_neither_built_nor_deployed_again(cloud, serving, endpoints, versions):
    live = endpoints.live("light")
    before = writes_of(cloud)

    again = endpoints.deploy(versions[0], None, quiet)

    assert again == live
    assert writes_of(cloud) == before


def test_who_comes_past_front_door_is_sent_away(cloud, serving):
    live = cloud.groups.known.get(f"{GROUPS}/{cloud.groups.live()[0]}")
    url = f"http://{live['properties']['ipAddress']['fqdn']}:8000/version"
    key = {"Authorization": f"Bearer {os.environ['MLOPS_ENDPOINT_KEYS']}"}

    assert version_at(serving.url, cloud) == "1"
    assert httpx.get(url, headers=key).status_code == 403
    assert httpx.get(url, headers={**key, "X-Azure-FDID": "another"}).status_code == 403
    assert httpx.get(url, headers={**key, "X-Azure-FDID": FRONT_DOOR_ID}).status_code == 200


def test_a_version_that_served_before_is_back_at_once(cloud, serving, endpoints, versions):
    endpoints.deploy(versions[1], None, quiet)
    said: list[str] = []

    endpoints.deploy(versions[0], None, said.append)

    assert version_at(serving.url, cloud) == "1"
    assert "starting light-" in said[0]
    assert not [line for line in said if "%" in line]


@pytest.mark.parametrize(
    ("fate", "error", "words"),
    [
        ({"command": ("python3", "-c", "raise SystemExit('no')")}, Transient, r"last words:\s+no"),
        ({"may_pull": False}, Refused, "AcrPull"),
        ({"code": "ServiceUnavailable"}, Transient, "ServiceUnavailable"),
    ],
)
def test_what_cannot_run_never_gets_traffic(
    cloud, serving, endpoints, versions, fate, error, words
):
    with reclaimed(endpoints, cloud), Asked(serving.url, cloud) as asked:
        cloud.groups.misfortune = Groups(**fate)

        with pytest.raises(error, match=words):
            endpoints.deploy(renumbered(versions[1]), None, quiet)

    assert asked.failures == []
    assert set(asked.versions) == {"1"}


def test_another_model_in_the_image_is_found_out(cloud, serving, endpoints, versions):
    endpoints.deploy(versions[1], None, quiet)
    endpoints.deploy(versions[0], None, quiet)
    swapped = f"{SERVER}/mlops/light@{cloud.builds.digest(*image_of(cloud, versions[1]))}"

    with reclaimed(endpoints, cloud), Asked(serving.url, cloud) as asked:
        cloud.groups.misfortune = Groups(image=swapped)

        with pytest.raises(Refused, match="serves the model"):
            endpoints.deploy(renumbered(versions[0]), None, quiet)

    assert asked.failures == []
    assert set(asked.versions) == {"1"}


def test_answers_that_come_late_are_refused(cloud, serving, versions, tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_ENDPOINT_LATENCY_S", "0.0001")
    settings = read_serving()
    assert settings
    impatient = open_endpoints(Clients.open(), settings, tmp_path)[0]

    with (
        reclaimed(impatient, cloud),
        Asked(serving.url, cloud) as asked,
        pytest.raises(Refused, match="MLOPS_ENDPOINT_LATENCY_S"),
    ):
        impatient.deploy(renumbered(versions[1]), None, quiet)

    assert set(asked.versions) == {"1"}


def test_a_container_that_dies_with_its_first_traffic_is_taken_back(
    cloud, serving, endpoints, versions
):
    def kill(line: str) -> None:
        if line.startswith("10 %"):
            (new,) = set(cloud.groups.live()) - {endpoint_group(cloud, "1")}
            cloud.engine()("kill", cloud.groups.running[new].id)

    with reclaimed(endpoints, cloud), pytest.raises(Transient, match="did not come up, or ended"):
        endpoints.deploy(renumbered(versions[1]), None, kill)

    assert version_at(serving.url, cloud) == "1"


def test_a_build_that_fails_says_why_and_is_done_again(cloud, serving, endpoints, versions):
    broken = dataclasses.replace(versions[2], name="other")
    cloud.builds.misfortune = Building(line="RUN echo the disk is upside down && false")

    with pytest.raises(Refused, match="the disk is upside down"):
        endpoints.deploy(broken, None, quiet)

    cloud.builds.misfortune = Building()
    runs = len(cloud.builds.runs())
    endpoints.deploy(broken, None, quiet)
    assert len(cloud.builds.runs()) == runs + 1
    assert endpoints.stop("other")
    assert endpoints.names() == ["light", "other"]


def test_a_region_that_is_full_is_told(cloud, serving, endpoints, versions):
    for name in set(cloud.groups.known.identifiers()):
        if name.rpartition("/")[2] not in cloud.groups.live():
            cloud.groups.known.remove(name)  # so that a group must be made
    cloud.groups.misfortune = Groups(used=100)

    with pytest.raises(Refused, match="100 of the 100 container groups"):
        endpoints.deploy(renumbered(versions[1]), None, quiet)


def test_a_right_that_is_missing_is_told_before_a_group_is_made(
    cloud, serving, endpoints, versions
):
    endpoints.deploy(versions[1], None, quiet)
    cloud.permissions.may_pull = False
    before = [each for each in writes_of(cloud) if "PUT" in each and "containerGroups" in each]

    with pytest.raises(Refused, match="no role AcrPull on acrmlops"):
        endpoints.deploy(renumbered(versions[0]), None, quiet)

    assert before == [
        each for each in writes_of(cloud) if "PUT" in each and "containerGroups" in each
    ]


def test_another_image_than_the_one_that_was_promoted_is_never_taken(
    cloud, serving, endpoints, versions
):
    builds = len(cloud.builds.runs())
    promoted = dataclasses.replace(versions[1], tags={"image_digest": f"sha256:{'0' * 64}"})

    with pytest.raises(Refused, match="az acr import --name acrmlops"):
        endpoints.deploy(promoted, None, quiet)

    assert len(cloud.builds.runs()) == builds
    assert version_at(serving.url, cloud) == "1"


def test_what_a_release_that_died_left_behind_is_set_right(cloud, serving, endpoints, versions):
    class Killed(BaseException):
        """As kill -9 does: nothing is taken back."""

    def die(line: str) -> None:
        if line.startswith("50 %"):
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ContainerEndpoints, "_take_back", lambda *_: None)
        with pytest.raises(Killed):
            endpoints.deploy(renumbered(versions[1]), None, die)
    assert len(cloud.groups.live()) == 2

    endpoints.tidy("light", quiet)

    assert len(cloud.groups.live()) == 1
    assert version_at(serving.url, cloud) == "1"


def test_no_key_is_in_any_answer_nor_in_the_record(cloud, serving):
    key = os.environ["MLOPS_ENDPOINT_KEYS"]
    secrets = (key, base64.b64encode(key.encode()).decode())
    told = (cloud.folder / "exchanges.jsonl").read_text()
    states = [file.read_text() for file in cloud.folder.glob("*.json")]

    assert [secret for secret in secrets if secret in told or secret in str(states)] == []


@pytest.mark.specs
def test_every_exchange_is_as_the_openapi_says(cloud, serving, tmp_path):
    verdict = judge(spoken(cloud), tmp_path / "judged")

    print(sorted(verdict.operations))
    assert verdict.findings == ()
    assert verdict.operations >= OPERATIONS


@pytest.mark.specs
@pytest.mark.parametrize(
    ("method", "path", "where", "name", "finding"),
    [
        (
            "PUT",
            "containerGroups/light-blue",
            "request",
            "osType",
            "ContainerGroups_CreateOrUpdate",
        ),
        ("PUT", "/taskRuns/", "request", "runRequest", "TaskRuns_Create"),
        ("GET", "/origins/", "response", "weight", "AFDOrigins_Get"),
    ],
)
def test_a_wrong_field_is_found(cloud, serving, tmp_path, method, path, where, name, finding):
    spoilt = copy.deepcopy(spoken(cloud))
    call = next(each for each in spoilt if each["method"] == method and path in each["url"]
                and each["status"] < 300)  # fmt: skip
    call[where]["properties"][name] = ["wrong"]

    assert finding in str(judge(spoilt, tmp_path / "judged").findings)


def spoken(cloud: StandIn) -> list[dict[str, Any]]:
    """With the services of this file; where an operation has come to is no part of the OpenAPI."""
    kinds = ("Microsoft.ContainerInstance", "Microsoft.ContainerRegistry", "Microsoft.Cdn")
    return [
        each
        for each in cloud.record.exchanges("arm")
        if any(kind in each["url"] for kind in kinds)
        and not re.search("/operation(s|results)/|Microsoft.Authorization", each["url"])
    ]


@contextlib.contextmanager
def reclaimed(endpoints: ContainerEndpoints, cloud: StandIn) -> Iterator[None]:
    """Afterwards the first version serves, alone."""
    yield
    assert endpoints.live("light") is not None
    assert len(cloud.groups.live()) == 1


def renumbered(version: ModelVersion) -> ModelVersion:
    """Another version with the same image: its group has to be made."""
    return dataclasses.replace(version, number=next(NUMBERS))


def endpoint_group(cloud: StandIn, version: str) -> str:
    """Name of the group that has this version."""
    return next(
        str(each["name"]).lower()
        for each in cloud.groups.known.below(GROUPS)
        if each["tags"]["mlops-version"] == version
    )


def image_of(cloud: StandIn, version: ModelVersion) -> tuple[str, str]:
    """Repository and tag of the image of a version that is deployed."""
    group = cloud.groups.known.get(f"{GROUPS}/{endpoint_group(cloud, str(version.number))}")
    digest = group["properties"]["containers"][0]["properties"]["image"].rpartition("@")[2]
    tag = next(each["tag"] for each in cloud.builds.known.below(f"{PLACE}/tags")
               if each["digest"] == digest)  # fmt: skip
    return "mlops/light", tag


def writes_of(cloud: StandIn) -> list[str]:
    """All that was asked of Resource Manager and changes something."""
    return [
        f"{each['method']} {each['url']}"
        for each in cloud.record.exchanges("arm")
        if each["method"] != "GET" and "listSecrets" not in each["url"]
    ]
