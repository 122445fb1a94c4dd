"""A subscription with two empty resource groups, and what comes to be in it by deployments."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

from azure.storage.blob import BlobServiceClient

from tests.cloud.container_registry.pushed import Pushed
from tests.cloud.databricks.mlflow_server import MlflowServer
from tests.cloud.databricks.runs import Runs as Trainings
from tests.cloud.databricks.workspace import HOST, Databricks
from tests.cloud.deployments.doors import Blobs, Images
from tests.cloud.deployments.empty_estate import empty_estate
from tests.cloud.deployments.identities import Identities
from tests.cloud.deployments.manager import Manager
from tests.cloud.deployments.runs import Runs
from tests.cloud.subscription.azurite import Azurite
from tests.cloud.subscription.login import CLIENT, TENANT, Login
from tests.cloud.subscription.resources import Resources
from tests.cloud.wire.authority import Authority
from tests.cloud.wire.proxy import Address, Proxy
from tests.cloud.wire.record import Record


class EmptySubscription:
    """
    Login, Resource Manager and what deployments bring to life, behind one proxy.

    Attributes:
        environment: how a program reaches it, whoever that program is.
        owner: who may do everything, as azure-identity asks for it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self.record = folder, Record(folder / "exchanges.jsonl")
        self._authority = authority = Authority(folder / "authority")
        self.login = Login(folder / "login", authority, self.record)
        self.estate = empty_estate()
        self.runs = Runs(self.estate)
        self.estate.notes.append(self._made)
        self.manager = Manager(self.estate, self.runs, authority, self.record, self.login)
        self.identities = Identities(self.estate, self.login)
        self._open: list[Any] = [self.manager.site, self.login.site, self.identities]
        self._storage: dict[str, Azurite] = {}
        self._routes: dict[str, Address] = {
            "management.azure.com:443": self.manager.site.address,
            "login.microsoftonline.com:443": self.login.site.address,
        }
        self.proxy = Proxy(self._routes)
        bundle = str(authority.bundle)
        self.environment = {
            "HTTPS_PROXY": self.proxy.url, "NO_PROXY": "127.0.0.1,localhost",
            "REQUESTS_CA_BUNDLE": bundle, "SSL_CERT_FILE": bundle,
            "DATABRICKS_CONFIG_FILE": os.devnull,
        }  # fmt: skip
        self.owner = {
            "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT,
            "AZURE_CLIENT_SECRET": self.login.client_secret,
        }  # fmt: skip

    def key_of(self, account: str) -> str:
        """The key of a storage account."""
        return self._storage[account].key

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.proxy.close()
        for each in self._open:
            each.close()

    def _made(self, identifier: str, resource: dict[str, Any]) -> None:
        """What a resource does once it is there."""
        kind, name = resource["type"], resource["name"]
        if kind == "Microsoft.Storage/storageAccounts":
            self._begin_storage(identifier, name)
        elif kind == "Microsoft.Storage/storageAccounts/blobServices/containers":
            self._begin_container(identifier.split("/")[8], name)
        elif kind == "Microsoft.ContainerRegistry/registries":
            self._begin_registry(identifier, resource["properties"]["loginServer"])
        elif kind == "Microsoft.Databricks/workspaces":
            self._begin_databricks()

    def _begin_storage(self, identifier: str, name: str) -> None:
        place = self._folder / name
        storage = Azurite(place, self._authority, account=name)
        self.record.secrets.add(storage.key)
        door = Blobs(identifier, self.estate, self.login, storage, self._authority, self.record)
        self._storage[name] = storage
        self._open += [door.site, storage]
        self._routes[f"{name}.blob.core.windows.net:443"] = door.site.address

    def _begin_container(self, account: str, name: str) -> None:
        """As the service's owner, by its own way."""
        storage = self._storage[account]
        address = f"https://127.0.0.1:{storage.address[1]}/{account}"
        with BlobServiceClient(
            address, {"account_name": account, "account_key": storage.key},
            connection_verify=str(self._authority.bundle), proxies={},
        ) as client:  # fmt: skip
            client.create_container(name)

    def _begin_registry(self, identifier: str, server: str) -> None:
        pushed = Pushed(Resources(self._folder / "images.json"), identifier, server, _no_engine)
        door = Images(identifier, self.estate, self.login, pushed, self._authority, self.record)
        self._open.append(door.site)
        self._routes[f"{server}:443"] = door.site.address

    def _begin_databricks(self) -> None:
        place = self._folder / "databricks"
        trainings = Trainings(Resources(place / "runs.json"), place / "volumes", {})
        mlflow = MlflowServer(self._folder / "mlflow")
        made = Databricks(trainings, mlflow, self._authority, self.record, self.login)
        self._open += [made.site, trainings, mlflow]
        self._routes[f"{HOST}:443"] = made.site.address


def _no_engine() -> Any:
    raise RuntimeError("nothing is built here")
