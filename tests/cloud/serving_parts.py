"""The azure backend's own objects that serve, each for itself, before a stand-in cloud."""

from __future__ import annotations

import contextlib
import copy
import io
import tarfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from azure.containerregistry import ContainerRegistryClient
from azure.mgmt.cdn import CdnManagementClient
from azure.mgmt.containerinstance import ContainerInstanceManagementClient
from azure.mgmt.containerinstance.models import ContainerGroup
from azure.mgmt.containerregistrytasks import ContainerRegistryTasksMgmtClient

from tasks.backends.azure.clients import Clients
from tasks.backends.azure.containers.builds import Builds
from tasks.backends.azure.containers.front_door import FrontDoor
from tasks.backends.azure.containers.groups import CONTAINER, Groups
from tasks.backends.azure.containers.images import PINNED, Images
from tasks.backends.azure.containers.settings import ServingSettings, read_serving
from tasks.backends.azure.identity import credential
from tasks.records import ModelVersion
from tests.cloud.container_groups.groups import GROUPS
from tests.cloud.container_groups.permissions import IDENTITY
from tests.cloud.container_registry.builds import REGISTRY, SERVER
from tests.cloud.echo import Azure, wait_until
from tests.cloud.front_door import edge
from tests.cloud.front_door.shapes import PROFILE
from tests.cloud.parts import reached
from tests.cloud.stand_in import StandIn
from tests.cloud.subscription.arm import GROUP, REGION, SUBSCRIPTION
from tests.cloud.subscription.login import LIFETIME_S

POLL_S = 0.05
LIVES, BUILT = "lives", "mlops-built"  # a group that runs, and a build that has ended
SHORT_S = 3  # life of a token that shall come to its end
SETTINGS = {
    "AZURE_CONTAINER_REGISTRY": REGISTRY, "AZURE_LOCATION": REGION,
    "MLOPS_ENDPOINT_IDENTITY": IDENTITY, "MLOPS_ENDPOINT_KEYS": "of-no-use-to-anybody",
    "AZURE_FRONT_DOOR_PROFILE": PROFILE,
}  # fmt: skip


@dataclass(frozen=True)
class ServingParts:
    """With real SDKs, and an identity of their own."""

    at: Clients
    given: ServingSettings
    groups: Groups
    builds: Builds
    images: Images
    door: FrontDoor

    @classmethod
    def of(cls, at: Clients, given: ServingSettings) -> ServingParts:
        """As ``open_endpoints`` makes them, yet impatient."""
        who = credential()
        tasks = ContainerRegistryTasksMgmtClient(who, SUBSCRIPTION)
        builds = Builds(tasks, GROUP, REGISTRY, poll_s=POLL_S)

        def held() -> ContainerRegistryClient:
            return ContainerRegistryClient(
                f"https://{SERVER}", who, audience="https://management.azure.com"
            )

        instances = ContainerInstanceManagementClient(who, SUBSCRIPTION)
        door = CdnManagementClient(who, SUBSCRIPTION)
        return cls(
            replace(at, identity=who), given, Groups(instances, GROUP, poll_s=POLL_S), builds,
            Images(builds, held, SERVER, given.base),
            FrontDoor(door, GROUP, PROFILE, poll_s=POLL_S),
        )  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """
    What is there before anything fails.

    Attributes:
        owner: parts that arrange and look, and that meet the faults; one client lives as long as a
            release, so its connections are held and lost as there.
        image, digest: of a small service.
        version: one whose image the registry holds.
    """

    cloud: StandIn
    owner: ServingParts
    azure: Azure
    image: str
    version: ModelVersion

    @property
    def digest(self) -> str:
        return self.image.rpartition("@")[2]

    @property
    def pinned(self) -> ModelVersion:
        """That version, as one that was promoted."""
        return replace(self.version, tags={PINNED: self.digest})

    def parts(self) -> ServingParts:
        return ServingParts.of(self.owner.at, self.owner.given)

    def aged(self, number: int) -> list[ServingParts]:
        """So many that have spoken to all services, with tokens that have ended since."""
        self.cloud.login.lifetime_s = SHORT_S
        made = [self.parts() for _ in range(number)]
        for on in made:
            on.groups.get("none"), on.door.url("none"), on.images.known(self.version)
            on.builds.log_from("none", 0)
        self.cloud.login.lifetime_s = LIFETIME_S
        time.sleep(SHORT_S + 0.1)
        return made

    def group(self, name: str) -> ContainerGroup:
        """What a group shall be."""
        wanted = self.azure.group(name, self.image, readiness_probe=None)  # it fills no log
        wanted.containers[0].name = CONTAINER
        return wanted

    def lay(self, name: str) -> None:
        """Let there be a group of that name, stopped."""
        found: dict[str, Any] = copy.deepcopy(self.cloud.groups.known.get(f"{GROUPS}/{LIVES}"))
        found |= {"id": f"{GROUPS}/{name}", "name": name}
        found["properties"]["instanceView"]["state"] = "Stopped"
        found["properties"]["ipAddress"]["fqdn"] = f"{name}.{REGION}.azurecontainer.io"
        self.cloud.groups.known.put(found["id"], found)


def context(place: Path) -> tuple[Path, dict[str, Any]]:
    """An image of one file: archive, and what to do with it."""
    archive, tag = place / "context.tar.gz", uuid.uuid4().hex
    with tarfile.open(archive, "w:gz") as file:
        for name, text in (("Dockerfile", "FROM scratch\nCOPY mark /\n"), ("mark", tag)):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            file.addfile(entry, io.BytesIO(text.encode()))
    return archive, {
        "type": "DockerBuildRequest", "imageNames": [f"test/small:{tag}"], "isPushEnabled": True,
        "dockerFilePath": "Dockerfile", "timeout": 600,
        "platform": {"os": "Linux", "architecture": "amd64"},
    }  # fmt: skip


@contextlib.contextmanager
def staged(place: Path) -> Iterator[Stage]:
    """A cloud that this process may reach, with an image, a build and a group that runs."""
    with reached(place) as cloud, pytest.MonkeyPatch.context() as patch:
        patch.setattr(edge, "LOOK_S", 60.0)  # nobody asks there
        cloud.door.operation_s = 0.02
        for name, value in {**SETTINGS, "MLOPS_BASE_IMAGE": cloud.base_image()}.items():
            patch.setenv(name, value)
        given = read_serving()
        assert given
        owner, azure = ServingParts.of(Clients.open(), given), Azure(cloud)
        image = azure.built("one")
        version = ModelVersion("light", 1, "0" * 64, place)
        cloud.builds.pushed.push(*owner.images.name(version), image)
        made = Stage(cloud, owner, azure, image, version)
        owner.groups.put(LIVES, made.group(LIVES))
        wait_until(lambda: bool(owner.groups.last_words(LIVES)))
        owner.builds.run(BUILT, context, lambda _: None, is_there=lambda: True)
        yield made
    cloud.forget()
