"""
management.azure.com before an estate: deployments are made, resources told, to those who may.

Statuses and shapes as in the official OpenAPI (Microsoft.Resources 2022-09-01).
"""

from __future__ import annotations

import copy
import uuid
from typing import Any

from tests.cloud.deployments.estate import ASSIGNMENTS, Estate
from tests.cloud.deployments.expressions import Wrong
from tests.cloud.deployments.places import kind_of
from tests.cloud.deployments.runs import Runs
from tests.cloud.deployments.template import DEPLOYMENTS
from tests.cloud.subscription.arm import problem
from tests.cloud.subscription.login import MANAGEMENT, Login
from tests.cloud.wire.authority import Authority
from tests.cloud.wire.record import Record
from tests.cloud.wire.site import Answer, Asked, Site

_GROUP = r"(?P<place>/subscriptions/[^/]+/resourcegroups/(?P<group>[^/]+))"
_DEPLOYMENT = _GROUP + r"/providers/Microsoft\.Resources/deployments/(?P<name>[^/]+)"
_ANY = r"(?P<identifier>/subscriptions/[^/]+/resourcegroups/[^/]+/providers/.+/[^/]+)"
_ROLES = r"(?P<scope>/subscriptions/.+)/providers/Microsoft\.Authorization/roleAssignments"
_USAGES = (
    r"(?P<scope>/subscriptions/[^/]+)/providers/Microsoft\.ContainerInstance/locations/[^/]+/usages"
)


class Manager:
    """Resource Manager for one estate."""

    def __init__(
        self, estate: Estate, runs: Runs, authority: Authority, record: Record, login: Login
    ) -> None:
        self._estate, self._runs, self._login = estate, runs, login
        self._ended: dict[str, dict[str, Any]] = {}  # number of an operation → how it ended
        self.site = Site("arm", authority, record, _missing)
        for method, pattern, handler in (
            ("PUT", _DEPLOYMENT, self._deploy), ("GET", _DEPLOYMENT, self._get),
            ("GET", _DEPLOYMENT + "/operationStatuses/(?P<number>[^/]+)", self._status),
            ("GET", _ROLES, self._roles), ("GET", _USAGES, self._usages), ("GET", _ANY, self._get),
        ):  # fmt: skip
            self.site.route(method, pattern)(handler)

    def refusal(self, asked: Asked, action: str, scope: str) -> Answer | None:
        """Why the caller may not do that; nothing if they may."""
        if why := self._login.refusal(asked.token, MANAGEMENT):
            return problem(401, "AuthenticationFailed", f"Authentication failed: {why}.")
        who = self._login.principal(asked.token)
        if self._estate.may(who, action, scope):
            return None
        return problem(403, "AuthorizationFailed", f"The client '{who}' does not have "
                       f"authorization to perform action '{action}' over scope '{scope}'."
                       )  # fmt: skip

    def _deploy(self, asked: Asked, place: str, group: str, name: str) -> Answer:
        if refused := self.refusal(asked, f"{DEPLOYMENTS}/write", place):
            return refused
        if group.lower() not in self._estate.places:
            return problem(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be "
                           "found.")  # fmt: skip
        number = str(uuid.uuid4())
        at, who = self._estate.places[group.lower()], self._login.principal(asked.token)
        try:
            said = self._runs.run(
                name, at, asked.body["properties"],
                lambda action, scope: self._estate.may(who, action, scope),
            )  # fmt: skip
            self._ended[number] = {"status": "Succeeded"}
        except Wrong as error:
            if error.code == "InvalidTemplate":
                return problem(400, error.code, error.message)
            said = {"provisioningState": "Failed"}
            self._ended[number] = {"status": "Failed", "error": {
                "code": "DeploymentFailed", "message": "At least one resource deployment operation "
                f"failed: {error}", "details": [{"code": error.code, "message": error.message}],
            }}  # fmt: skip
        where = f"{at.id}/providers/{DEPLOYMENTS}/{name}"
        link = f"https://management.azure.com{where}/operationStatuses/{number}"
        return Answer(201, {
            "id": where, "name": name, "type": DEPLOYMENTS,
            "properties": {**said, "provisioningState": "Accepted", "outputs": None},
        }, {"Azure-AsyncOperation": f"{link}?api-version=2022-09-01", "Retry-After": "0"}
        )  # fmt: skip

    def _status(self, asked: Asked, place: str, group: str, name: str, number: str) -> Answer:
        if refused := self.refusal(asked, f"{DEPLOYMENTS}/operationStatuses/read", place):
            return refused
        ended = self._ended.get(number)
        return Answer(body=ended) if ended else problem(404, "NotFound", number)

    def _get(self, asked: Asked, identifier: str = "", **_: str) -> Answer:
        identifier = identifier or asked.path
        if refused := self.refusal(asked, f"{kind_of(identifier)}/read", identifier):
            return refused
        found = self._estate.get(identifier)
        if found is None:
            return problem(404, "ResourceNotFound", f"The Resource '{kind_of(identifier)}/"
                           f"{identifier.rpartition('/')[2]}' was not found.")  # fmt: skip
        return Answer(body=told(found))

    def _roles(self, asked: Asked, scope: str) -> Answer:
        """Of one principal, on the scope or above it."""
        if refused := self.refusal(asked, f"{ASSIGNMENTS}/read", scope):
            return refused
        who = asked.query.get("$filter", "").removeprefix("principalId eq '").removesuffix("'")
        return Answer(body={"value": [
            each for each in self._estate.assignments()
            if each["properties"]["principalId"] == who
            and f"{scope}/".lower().startswith(f"{each['properties']['scope']}/".lower())
        ]})  # fmt: skip

    def _usages(self, asked: Asked, scope: str) -> Answer:
        action = "Microsoft.ContainerInstance/locations/usages/read"
        groups = len(self._estate.of_kind("Microsoft.ContainerInstance/containerGroups"))
        return self.refusal(asked, action, scope) or Answer(body={"value": [{
            "name": {"value": "ContainerGroups", "localizedValue": "Container Groups"},
            "unit": "Count", "currentValue": groups, "limit": 100,
        }]})  # fmt: skip


def told(found: dict[str, Any]) -> dict[str, Any]:
    """Without what is never told."""
    said: dict[str, Any] = copy.deepcopy(found)
    for container in said.get("properties", {}).get("containers", []):
        for each in container["properties"].get("environmentVariables", []):
            each.pop("secureValue", None)
    said.get("properties", {}).get("diagnostics", {}).get("logAnalytics", {}).pop(
        "workspaceKey", None
    )
    return said


def _missing(asked: Asked) -> Answer:
    return problem(404, "NotImplementedHere", f"no stand-in for {asked.method} {asked.path}")
