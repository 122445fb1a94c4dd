"""
Azure Resource Manager: an Azure Machine Learning workspace with its datastore and models.

Shapes as in the official OpenAPI (2023-08-01-preview for models, 2024-10-01-preview for the rest).
"""

from __future__ import annotations

import datetime
import json
from typing import Any

from tests.cloud.subscription.azurite import Azurite
from tests.cloud.subscription.login import MANAGEMENT, TENANT, Login
from tests.cloud.subscription.resources import Resources
from tests.cloud.wire.authority import Authority
from tests.cloud.wire.record import Record
from tests.cloud.wire.site import Answer, Asked, Site

SUBSCRIPTION = "12345678-1234-1234-1234-123456789012"
GROUP, WORKSPACE, REGION = "rg-mlops", "mlw-mlops", "westeurope"
PLACES = {GROUP: WORKSPACE, "rg-prod": "mlw-prod"}  # two environments of one subscription
CONTAINER = "azureml-blobstore"
ML = "Microsoft.MachineLearningServices/workspaces"
MODELS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/{ML}/{WORKSPACE}/models"
_WORKSPACE = (
    r"(?P<workspace>/subscriptions/[^/]+/resourceGroups/[^/]+/providers/"
    r"Microsoft\.MachineLearningServices/workspaces/[^/]+)"
)


class Arm:
    """management.azure.com, for one subscription with one workspace."""

    def __init__(
        self, resources: Resources, authority: Authority, record: Record, login: Login,
        storage: Azurite,
    ) -> None:  # fmt: skip
        self.known, self._login, self._storage, self._record = resources, login, storage, record
        self.site = Site("arm", authority, record, _missing)
        for method, pattern, handler in (
            ("GET", _WORKSPACE, self._get_workspace),
            ("GET", _WORKSPACE + r"/datastores/(?P<name>[^/]+)", self._datastore),
            ("POST", _WORKSPACE + r"/datastores/(?P<name>[^/]+)/listSecrets", self._secrets),
            ("GET", _WORKSPACE + r"/models", self._list_models),
            ("GET", _WORKSPACE + r"/models/(?P<name>[^/]+)", self._get_model),
            ("PUT", _WORKSPACE + r"/models/(?P<name>[^/]+)", self._put_model),
            ("GET", _WORKSPACE + r"/models/(?P<name>[^/]+)/versions", self._list_versions),
            ("GET", _WORKSPACE + r"/models/(?P<name>[^/]+)/versions/(?P<version>[^/]+)",
             self._get_version),
            ("PUT", _WORKSPACE + r"/models/(?P<name>[^/]+)/versions/(?P<version>[^/]+)",
             self._put_version),
        ):  # fmt: skip
            self.site.route(method, pattern)(self._guarded(handler))

    def route(self, method: str, pattern: str, handler: Any) -> None:
        """Answer such requests of other services, to those who may ask."""

        def answer(asked: Asked, **names: str) -> Answer:
            if why := self._login.refusal(asked.token, MANAGEMENT):
                return problem(401, "AuthenticationFailed", f"Authentication failed: {why}.")
            parts = asked.path.split("/")
            if parts[2].lower() != SUBSCRIPTION:
                return problem(404, "SubscriptionNotFound",
                               f"The subscription '{parts[2]}' could not be found.")  # fmt: skip
            if parts[3].lower() == "resourcegroups" and parts[4].lower() not in PLACES:
                return problem(404, "ResourceGroupNotFound",
                               f"Resource group '{parts[4]}' could not be found.")  # fmt: skip
            return handler(asked, **names)  # type: ignore[no-any-return]

        self.site.route(method, pattern)(answer)

    def _guarded(self, handler: Any) -> Any:
        """Bearer, subscription and workspace first, as the real one looks at them."""

        def answer(asked: Asked, workspace: str, **names: str) -> Answer:
            if why := self._login.refusal(asked.token, MANAGEMENT):
                return problem(401, "AuthenticationFailed", f"Authentication failed: {why}.")
            parts = workspace.split("/")
            if parts[2].lower() != SUBSCRIPTION:
                return problem(404, "SubscriptionNotFound",
                                f"The subscription '{parts[2]}' could not be found.")  # fmt: skip
            if parts[4].lower() not in PLACES:
                return problem(404, "ResourceGroupNotFound",
                                f"Resource group '{parts[4]}' could not be found.")  # fmt: skip
            if parts[8].lower() != PLACES[parts[4].lower()]:
                return problem(404, "ResourceNotFound", f"The Resource '{ML}/{parts[8]}' under "
                                f"resource group '{parts[4]}' was not found.")  # fmt: skip
            with self.known.lock:
                return handler(asked, workspace, **names)  # type: ignore[no-any-return]

        return answer

    def _get_workspace(self, _: Asked, workspace: str) -> Answer:
        name = workspace.rpartition("/")[2]
        account = (f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/"
                   f"Microsoft.Storage/storageAccounts/{self._storage.account}")  # fmt: skip
        return Answer(body={
            "id": workspace, "name": name, "type": ML, "location": REGION, "tags": {},
            "identity": {"type": "SystemAssigned", "tenantId": TENANT,
                         "principalId": "00000000-0000-0000-0000-0000000000aa"},
            "sku": {"name": "Basic", "tier": "Basic"}, "systemData": _stamp(),
            "properties": {
                "friendlyName": name, "workspaceId": "00000000-0000-0000-0000-0000000000ab",
                "storageAccount": account, "provisioningState": "Succeeded",
                "discoveryUrl": f"https://{REGION}.api.azureml.ms/discovery",
                "mlFlowTrackingUri": f"azureml://{REGION}.api.azureml.ms/mlflow/v1.0{workspace}",
            }})  # fmt: skip

    def _datastore(self, _: Asked, workspace: str, name: str) -> Answer:
        return Answer(body={
            "id": f"{workspace}/datastores/{name}", "name": name, "type": f"{ML}/datastores",
            "systemData": _stamp(),
            "properties": {
                "datastoreType": "AzureBlob", "accountName": self._storage.account,
                "containerName": CONTAINER, "endpoint": "core.windows.net", "protocol": "https",
                "serviceDataAccessAuthIdentity": "None", "isDefault": True,
                "credentials": {"credentialsType": "AccountKey"}, "description": None,
                "properties": None, "tags": None,
            }})  # fmt: skip

    def _secrets(self, _: Asked, workspace: str, name: str) -> Answer:
        token = self._storage.signature(CONTAINER)
        self._record.secrets.add(token)
        return Answer(body={"secretsType": "Sas", "sasToken": token})

    def _list_models(self, _: Asked, workspace: str) -> Answer:
        return Answer(body={"value": self.known.below(f"{workspace}/models")})

    def _get_model(self, _: Asked, workspace: str, name: str) -> Answer:
        found = self.known.get(f"{workspace}/models/{name}")
        return Answer(body=found) if found else _absent(f"Model container with name: {name}")

    def _put_model(self, asked: Asked, workspace: str, name: str) -> Answer:
        found = self.known.get(f"{workspace}/models/{name}")
        if not found:
            return _absent(f"Model container with name: {name}")
        said = asked.body["properties"]
        ours = ("latestVersion", "nextVersion")
        found["properties"].update(
            {k: v for k, v in said.items() if k not in ours and v is not None}
        )
        self.known.put(found["id"], found)
        return Answer(body=found)

    def _list_versions(self, asked: Asked, workspace: str, name: str) -> Answer:
        found = self.known.below(f"{workspace}/models/{name}/versions")
        view = asked.query.get("listViewType", "ActiveOnly")
        if view != "All":
            wanted = view == "ArchivedOnly"
            found = [each for each in found if each["properties"]["isArchived"] is wanted]
        found.sort(key=lambda each: each["systemData"]["createdAt"], reverse=True)
        most = int(asked.query.get("$top", len(found) or 1))
        return Answer(body={"value": found[:most]})

    def _get_version(self, _: Asked, workspace: str, name: str, version: str) -> Answer:
        found = self.known.get(f"{workspace}/models/{name}/versions/{version}")
        return Answer(body=found) if found else _absent(f"Model {name}:{version}")

    def _put_version(self, asked: Asked, workspace: str, name: str, version: str) -> Answer:
        place = f"{workspace}/models/{name}/versions/{version}"
        former, said = self.known.get(place), asked.body["properties"]
        if former and former["properties"]["modelUri"] != said.get("modelUri"):
            return problem(400, "UserError", "Asset path is immutable.")
        said = {"isArchived": False, "isAnonymous": False, "flavors": {}, "tags": {},
                "properties": {}, **{k: v for k, v in said.items() if v is not None}}  # fmt: skip
        made = {"id": place, "name": version, "type": f"{ML}/models/versions",
                "systemData": former["systemData"] if former else _stamp(),
                "properties": said}  # fmt: skip
        self.known.put(place, made)
        self._count(workspace, name, version)
        return Answer(200 if former else 201, json.loads(json.dumps(made)))

    def _count(self, workspace: str, name: str, version: str) -> None:
        place = f"{workspace}/models/{name}"
        model = self.known.get(place) or {
            "id": place, "name": name, "type": f"{ML}/models", "systemData": _stamp(),
            "properties": {"description": None, "tags": {}, "properties": {}, "isArchived": False,
                           "latestVersion": None, "nextVersion": "1"}}  # fmt: skip
        model["properties"]["latestVersion"] = version
        if version.isdigit():
            model["properties"]["nextVersion"] = str(int(version) + 1)
        self.known.put(place, model)


def _stamp() -> dict[str, str]:
    now = datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")
    who = {"By": "stand-in", "ByType": "Application", "At": now}
    return {f"{what}{key}": value for what in ("created", "lastModified") for key, value in
            who.items()}  # fmt: skip


def problem(status: int, code: str, message: str) -> Answer:
    """An error in Resource Manager's words."""
    return Answer(status, {"error": {"code": code, "message": message}})


def _absent(what: str) -> Answer:
    return problem(404, "NotFound", f"{what} not found.")


def _missing(asked: Asked) -> Answer:
    return problem(404, "NotImplementedHere", f"no stand-in for {asked.method} {asked.path}")
