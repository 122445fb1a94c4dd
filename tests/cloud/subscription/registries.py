"""
A registry of Azure Machine Learning: found by name, then spoken to under an address of its own.

Shapes as azure-ai-ml sends and reads them (2021-10-01-dataplanepreview); Azure publishes no OpenAPI
document of this version.
"""

from __future__ import annotations

import json
from typing import Any

from tests.cloud.subscription.arm import GROUP, REGION, SUBSCRIPTION
from tests.cloud.subscription.azurite import Azurite
from tests.cloud.subscription.login import MANAGEMENT, TENANT, Login
from tests.cloud.subscription.resources import Resources
from tests.cloud.wire.authority import Authority
from tests.cloud.wire.record import Record
from tests.cloud.wire.site import Answer, Asked, Site

REGISTRY = "mlr-shared"
CONTAINER = "registry-assets"
DISCOVERY, HOST = "eastus.api.azureml.ms", f"cert-{REGION}.experiments.azureml.net"
PLACE = (f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/"
         f"Microsoft.MachineLearningServices/registries/{REGISTRY}")  # fmt: skip
_VERSION = r"(?P<name>[^/]+)/versions/(?P<version>[^/]+)"


class Registries:
    """One registry, in the subscription and group of the workspace."""

    def __init__(
        self, known: Resources, authority: Authority, record: Record, login: Login, storage: Azurite
    ) -> None:
        self.known, self._login, self._storage, self._record = known, login, storage, record
        self.site = Site("registries", authority, record, _missing)
        self.site.route("GET", "/registrymanagement/v1.0/registries/(?P<name>[^/]+)/discovery")(
            self._discover
        )
        for method, pattern, handler in (
            ("GET", "/models/(?P<name>[^/]+)/versions", self._list),
            ("GET", f"/models/{_VERSION}", self._get),
            ("PUT", f"/models/{_VERSION}", self._put),
            ("PUT", f"/tempdatarefs/{_VERSION}", self._room),
            ("POST", f"/datarefs/{_VERSION}", self._reach),
        ):
            self.site.route(method, f"/mferp/managementfrontend{PLACE}{pattern}")(
                self._guarded(handler)
            )

    def _guarded(self, handler: Any) -> Any:
        def answer(asked: Asked, **names: str) -> Answer:
            if why := self._login.refusal(asked.token, MANAGEMENT):
                return _problem(401, "AuthenticationFailed", f"Authentication failed: {why}.")
            with self.known.lock:
                return handler(asked, **names)  # type: ignore[no-any-return]

        return answer

    def _discover(self, asked: Asked, name: str) -> Answer:
        if why := self._login.refusal(asked.token, MANAGEMENT):
            return _problem(401, "AuthenticationFailed", f"Authentication failed: {why}.")
        if name.lower() != REGISTRY:
            return _problem(404, "UserError", f"Registry {name} was not found.")
        return Answer(body={
            "registryName": REGISTRY, "tenantId": TENANT, "primaryRegion": REGION,
            "regions": [REGION], "subscriptionId": SUBSCRIPTION, "resourceGroup": GROUP,
            "primaryRegionResourceProviderUri": f"https://{HOST}/",
        })  # fmt: skip

    def _list(self, _: Asked, name: str) -> Answer:
        found = self.known.below(f"{PLACE}/models/{name}/versions")
        return Answer(body={"value": found[::-1]})

    def _get(self, _: Asked, name: str, version: str) -> Answer:
        found = self.known.get(f"{PLACE}/models/{name}/versions/{version}")
        return Answer(body=found) if found else _problem(404, "NotFound", f"no {name}:{version}")

    def _put(self, asked: Asked, name: str, version: str) -> Answer:
        place = f"{PLACE}/models/{name}/versions/{version}"
        former, said = self.known.get(place), asked.body["properties"]
        if former and former["properties"]["modelUri"] != said.get("modelUri"):
            return _problem(400, "UserError", "Asset path is immutable.")
        said = {"isArchived": False, "isAnonymous": False, "flavors": {}, "tags": {},
                "properties": {}, **{k: v for k, v in said.items() if v is not None},
                "provisioningState": "Succeeded"}  # fmt: skip
        made = {"id": f"azureml://registries/{REGISTRY}/models/{name}/versions/{version}",
                "name": version, "properties": said,
                "type": "Microsoft.MachineLearningServices/registries/models/versions",
                "systemData": {}}  # fmt: skip
        self.known.put(place, made)
        return Answer(200 if former else 201, json.loads(json.dumps(made)))

    def _room(self, _: Asked, name: str, version: str) -> Answer:
        """Where a version that is not there yet may put its files."""
        if self.known.get(f"{PLACE}/models/{name}/versions/{version}"):
            return _problem(409, "Conflict", f"{name}:{version} exists already.")
        return self._signed(f"{self._storage.url}/{CONTAINER}")

    def _reach(self, _: Asked, name: str, version: str) -> Answer:
        """How the files of a version are read: by the container that they are in."""
        if not self.known.get(f"{PLACE}/models/{name}/versions/{version}"):
            return _problem(404, "NotFound", f"no {name}:{version}")
        return self._signed(f"{self._storage.url}/{CONTAINER}")

    def _signed(self, uri: str) -> Answer:
        token = self._storage.signature(CONTAINER)
        self._record.secrets.add(token)
        return Answer(body={"blobReferenceForConsumption": {
            "blobUri": uri, "storageAccountArmId": None,
            "credential": {"credentialType": "SAS", "sasUri": f"{uri}?{token}"},
        }})  # fmt: skip


def _problem(status: int, code: str, message: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": message}})


def _missing(asked: Asked) -> Answer:
    return _problem(404, "NotImplementedHere", f"no stand-in for {asked.method} {asked.path}")
