"""The whole stand-in cloud: started together, reached under production names, ended together."""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.cloud.container_groups.groups import ContainerGroups
from tests.cloud.container_groups.permissions import IDENTITY, Permissions
from tests.cloud.container_registry.builds import REGISTRY, SERVER, TASKS, Builds
from tests.cloud.container_registry.held import Held
from tests.cloud.databricks.mlflow_server import MlflowServer
from tests.cloud.databricks.runs import Runs
from tests.cloud.databricks.workspace import HOST, VOLUME, Databricks
from tests.cloud.front_door.edge import Edge
from tests.cloud.front_door.management import FrontDoor
from tests.cloud.front_door.shapes import FRONT_DOOR_ID, PROFILE
from tests.cloud.subscription import registries
from tests.cloud.subscription.arm import (
    CONTAINER,
    GROUP,
    PLACES,
    REGION,
    SUBSCRIPTION,
    WORKSPACE,
    Arm,
)
from tests.cloud.subscription.azurite import Azurite
from tests.cloud.subscription.login import CLIENT, TENANT, Login
from tests.cloud.subscription.registries import Registries
from tests.cloud.subscription.relay import Relay
from tests.cloud.subscription.resources import Resources
from tests.cloud.wire.authority import Authority
from tests.cloud.wire.plain import PlainProxy
from tests.cloud.wire.proxy import Proxy
from tests.cloud.wire.record import Record
from tests.infra.engine import Engine, base_of, fetch_wheels, lacking, opened

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient

STATE = "mlops"  # the container that holds ledger and locks
IMAGES = "images"
PROD = {  # what is other in a second environment; it has the registry of the first
    "AZURE_RESOURCE_GROUP": "rg-prod", "AZUREML_WORKSPACE_NAME": PLACES["rg-prod"],
    "MLOPS_STATE_CONTAINER": "prod", "MLOPS_REGISTRY_GROUP": GROUP, "AZURE_FRONT_DOOR_PROFILE": "",
    "AZURE_FRONT_DOOR_ID": "",
}  # fmt: skip
BASE = "docker.io/library/python"


class StandIn:
    """
    Login, Resource Manager, Blob storage and Databricks, behind one proxy.

    Args:
        folder: their state; with the same one they go on where they were.
        is_relayed: storage can be made to fail as well, by ``relay``; slower.
        database: ``mysql://…`` for what storage knows of its blobs, where they are very many.

    Attributes:
        environment: what a program needs in order to reach them, and to be let in.
        bundle: certificates to trust: those of this machine, and the one that signs theirs.
    """

    def __init__(self, folder: Path, *, is_relayed: bool = False, database: str = "") -> None:
        self.folder = folder.resolve()
        self.record = Record(self.folder / "exchanges.jsonl")
        authority = Authority(self.folder / "authority")
        self.bundle = authority.bundle
        self.login = Login(self.folder / "login", authority, self.record)
        self.storage = Azurite(self.folder / "storage", authority, database=database)
        self.record.secrets.add(self.storage.key)
        self.relay = Relay(self.storage, authority, self.record)
        blobs = self.relay.site.address if is_relayed else self.storage.address
        self.arm = Arm(
            Resources(self.folder / "arm.json"), authority, self.record, self.login, self.storage
        )
        self.registries = Registries(
            Resources(self.folder / "registries.json"), authority, self.record, self.login,
            self.storage,
        )  # fmt: skip
        reach: dict[str, str] = {}
        self.runs = Runs(
            Resources(self.folder / "databricks" / "runs.json"),
            self.folder / "databricks" / "volumes",
            reach,
        )
        self.mlflow = MlflowServer(self.folder / "mlflow")
        self.databricks = Databricks(self.runs, self.mlflow, authority, self.record, self.login)
        self._engine: Engine | None = None
        self._serving: dict[str, str] = {}
        self._serve(authority)
        self.proxy = Proxy(
            {
                "login.microsoftonline.com:443": self.login.site.address,
                "management.azure.com:443": self.arm.site.address,
                f"{self.storage.account}.blob.core.windows.net:443": blobs,
                f"{HOST}:443": self.databricks.site.address,
                f"{SERVER}:443": self.held.site.address,
                "*.z01.azurefd.net:443": self.edge.address,
                f"{registries.DISCOVERY}:443": self.registries.site.address,
                f"{registries.HOST}:443": self.registries.site.address,
            },
            resolve=self.groups.address,
        )
        reach.update(self._reach() | self._identity())
        self.environment = reach | self._settings()
        self._make_containers()

    def _serve(self, authority: Authority) -> None:
        """What builds images, runs them and leads to them."""
        self.builds = Builds(
            self.arm, Resources(self.folder / "builds.json"), self.storage, self.record,
            self.engine, self.put, self.get,
        )  # fmt: skip
        self.held = Held(self.builds.pushed, authority, self.record, self.login)
        self.permissions = permissions = Permissions(self.arm)
        self.groups = ContainerGroups(
            self.arm, Resources(self.folder / "groups.json"), self.engine, self.folder / "secrets",
            lambda: permissions.may_pull,
        )  # fmt: skip
        self.door = FrontDoor(self.arm, Resources(self.folder / "front-door.json"))
        self.plain = PlainProxy(self.groups.address)
        self.edge = Edge(self.door, authority, self.record, self.groups.address)

    def engine(self) -> Engine:
        """
        What builds and runs images.

        Raises:
            RuntimeError: this machine cannot; the message says what it lacks.
        """
        if self._engine is None:
            if why := lacking():
                raise RuntimeError(f"images cannot be built and run here: {why}")
            self._engine = opened(self.folder / "containers")
        return self._engine

    def base_image(self) -> str:
        """What images stand on, by digest, as a public registry names it; made once, here."""
        own = base_of(self.engine())
        self.engine()("tag", own, f"{BASE}:here")
        return f"{BASE}@{own.rpartition('@')[2]}"

    def serving(self) -> dict[str, str]:
        """Settings with which releases deploy as well; the first call makes the base image."""
        if self._serving:
            return self._serving
        key = self.folder / "endpoint-key"
        if not key.exists():
            key.write_text(secrets.token_urlsafe(32), encoding="ascii")
        secret = key.read_text(encoding="ascii")
        self.record.secrets |= {secret, base64.b64encode(secret.encode()).decode("ascii")}
        fetch_wheels()
        self._serving = {
            "AZURE_CONTAINER_REGISTRY": REGISTRY, "AZURE_LOCATION": REGION,
            "MLOPS_BASE_IMAGE": self.base_image(), "MLOPS_ENDPOINT_IDENTITY": IDENTITY,
            "MLOPS_ENDPOINT_KEYS": secret,
            "AZURE_FRONT_DOOR_PROFILE": PROFILE, "AZURE_FRONT_DOOR_ID": FRONT_DOOR_ID,
            "MLOPS_BAKE_S": "3", "MLOPS_SPREAD_S": "0", "UV_OFFLINE": "1",
        }  # fmt: skip
        return self._serving

    def is_busy(self) -> bool:
        """Does any caller wait for it: for an answer, an operation, or what follows from it?"""
        sites = (self.login, self.arm, self.registries, self.databricks, self.relay, self.held)
        return (
            any(each.site.in_flight for each in sites)
            or self.groups.is_busy() or self.door.state.is_busy() or self.edge.probes.is_busy()
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all of it; the state stays in the folder."""
        self.runs.close()
        self.mlflow.close()
        self.proxy.close()
        self.plain.close()
        self.edge.close()
        for each in (
            self.login, self.arm, self.registries, self.databricks, self.relay, self.held,
        ):  # fmt: skip
            each.site.close()
        self.groups.close()
        self.storage.close()

    def forget(self) -> None:
        """Remove the state of a stand-in that has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _reach(self) -> dict[str, str]:
        bundle = str(self.bundle)
        return {
            "HTTPS_PROXY": self.proxy.url, "HTTP_PROXY": self.plain.url,
            "NO_PROXY": "127.0.0.1,localhost",
            "REQUESTS_CA_BUNDLE": bundle, "SSL_CERT_FILE": bundle,
        }  # fmt: skip

    def _identity(self) -> dict[str, str]:
        return {
            "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT,
            "AZURE_CLIENT_SECRET": self.login.client_secret,
            "AZURE_STORAGE_ACCOUNT_NAME": self.storage.account,
        }  # fmt: skip

    def _settings(self) -> dict[str, str]:
        return {
            "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION, "AZURE_RESOURCE_GROUP": GROUP,
            "AZUREML_WORKSPACE_NAME": WORKSPACE, "DATABRICKS_HOST": f"https://{HOST}",
            "MLOPS_STATE_CONTAINER": STATE, "MLOPS_VOLUME": VOLUME,
            "DATABRICKS_CONFIG_FILE": os.devnull,
        }  # fmt: skip

    def _make_containers(self) -> None:
        """As the template of the infrastructure does."""
        from azure.core.exceptions import ResourceExistsError

        with self._blobs() as client:
            states = (STATE, PROD["MLOPS_STATE_CONTAINER"])
            for name in (CONTAINER, registries.CONTAINER, *states, IMAGES, TASKS):
                with contextlib.suppress(ResourceExistsError):
                    client.create_container(name)

    def put(self, container: str, name: str, data: bytes) -> None:
        """Put a blob there, as its owner."""
        with self._blobs() as client:
            client.get_blob_client(container, name).upload_blob(data, overwrite=True)

    def get(self, container: str, name: str) -> bytes:
        """What a blob holds."""
        with self._blobs() as client:
            return bytes(client.get_blob_client(container, name).download_blob().readall())

    def blobs(self, container: str = STATE) -> dict[str, str]:
        """What a container holds: name → mark of its content, and of its lease."""
        with self._blobs() as client:
            found = client.get_container_client(container).list_blobs()
            return {each.name: f"{each.etag} {each.lease.state}" for each in found}

    def containers(self) -> list[str]:
        """The containers of the account."""
        with self._blobs() as client:
            return sorted(each.name for each in client.list_containers())

    def _blobs(self) -> BlobServiceClient:
        from azure.storage.blob import BlobServiceClient

        reach: dict[str, Any] = {
            "proxies": {"https": self.proxy.url},
            "connection_verify": str(self.bundle),
        }
        return BlobServiceClient(self.storage.url, self.storage.key, **reach)
