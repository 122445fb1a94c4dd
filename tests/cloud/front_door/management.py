"""
Azure Front Door, its management: endpoints, origin groups, origins and routes of one profile.

Shapes as in the official OpenAPI (2024-02-01); statuses and headers of operations as in recordings
of the real service: 201 for what is new, 202 for a change, and no Retry-After.
"""

from __future__ import annotations

import functools
from typing import Any

from tests.cloud.front_door.rules import (
    ENDPOINT,
    ORIGIN,
    ORIGIN_GROUP,
    ROUTE,
    completed,
    wrong,
)
from tests.cloud.front_door.shapes import (
    AT,
    CDN,
    FRONT_DOOR_ID,
    PROFILE,
    absent,
    foreign,
    identifier_of,
    links_to,
    resource_of,
)
from tests.cloud.front_door.state import FrontDoorState
from tests.cloud.subscription.arm import Arm, problem
from tests.cloud.subscription.resources import Resources
from tests.cloud.wire.site import Answer, Asked

OWN = "mlops"  # the endpoint, origin group and route that the template of the infrastructure makes
_PROVIDER = r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Cdn"
_AT = rf"{_PROVIDER}/profiles/(?P<profile>[^/]+)"
_RESULT = rf"{_PROVIDER}/operationresults/(?P<number>[^/]+)"
_NO_ORIGIN = (
    "Please make sure that the originGroup is created successfully and at least one enabled "
    "origin is created under the origin group."
)


class FrontDoor:
    """
    Attributes:
        state: what was written, and how far it is.
        propagation_s: from the end of an operation until the edge knows what it wrote.
        operation_s: from an answer until its operation has ended.
        refuses: a code with which the next origin is refused.
        fails: a code with which the next operation ends, as Failed.
    """

    def __init__(self, arm: Arm, resources: Resources) -> None:
        self.propagation_s, self.operation_s = 0.5, 0.2
        self.state = FrontDoorState(resources, lambda: (self.operation_s, self.propagation_s))
        self.refuses = self.fails = ""
        arm.route("GET", _AT, self._profile)
        for kind in (ENDPOINT, ORIGIN_GROUP, ORIGIN, ROUTE):
            above, _, last = kind.rpartition("/")
            every = rf"{_AT}/{above}/(?P<parent>[^/]+)/{last}" if above else rf"{_AT}/{last}"
            arm.route("GET", every, functools.partial(self._list, kind))
            for method, handler in (
                ("GET", self._get), ("PUT", self._put), ("PATCH", self._patch),
                ("DELETE", self._delete),
            ):  # fmt: skip
                arm.route(method, rf"{every}/(?P<name>[^/]+)", functools.partial(handler, kind))
        arm.route("GET", _RESULT, self._operation)
        arm.route("GET", rf"{_RESULT}/.+", self._outcome)
        self._seed()

    def _seed(self) -> None:
        for kind, parent, given in (
            (ENDPOINT, "", {}),
            (ORIGIN_GROUP, "", {
                "loadBalancingSettings": {
                    "sampleSize": 4, "successfulSamplesRequired": 2,
                    "additionalLatencyInMilliseconds": 1000,
                },
                "healthProbeSettings": {
                    "probePath": "/readyz", "probeRequestType": "GET", "probeProtocol": "Http",
                    "probeIntervalInSeconds": 5,
                },
            }),
            (ROUTE, OWN, {
                "originGroup": {"id": f"{AT}/{ORIGIN_GROUP}/{OWN}"}, "httpsRedirect": "Enabled",
                "forwardingProtocol": "HttpOnly", "linkToDefaultDomain": "Enabled",
            }),
        ):  # fmt: skip
            self.state.seed(resource_of(kind, parent, OWN, completed(kind, given)))

    def _profile(self, asked: Asked, profile: str) -> Answer:
        return foreign(profile) or Answer(body={
            "id": AT, "name": PROFILE, "type": CDN, "location": "Global", "kind": "frontdoor",
            "tags": {}, "sku": {"name": "Standard_AzureFrontDoor"},
            "properties": {"frontDoorId": FRONT_DOOR_ID, "resourceState": "Active",
                           "provisioningState": "Succeeded", "originResponseTimeoutSeconds": 60},
        })  # fmt: skip

    def _list(self, kind: str, asked: Asked, profile: str, parent: str = "") -> Answer:
        if refused := foreign(profile) or self._orphaned(kind, parent):
            return refused
        return Answer(body={"value": self.state.below(identifier_of(kind, parent, ""))})

    def _get(self, kind: str, asked: Asked, profile: str, name: str, parent: str = "") -> Answer:
        found = self.state.get(identifier_of(kind, parent, name))
        return foreign(profile) or (Answer(body=found) if found else absent(kind, name))

    def _put(self, kind: str, asked: Asked, profile: str, name: str, parent: str = "") -> Answer:
        given = (asked.body or {}).get("properties") or {}
        return foreign(profile) or self._write(kind, parent, name, asked.body or {}, given)

    def _patch(self, kind: str, asked: Asked, profile: str, name: str, parent: str = "") -> Answer:
        former = self.state.get(identifier_of(kind, parent, name))
        if refused := foreign(profile) or (None if former else absent(kind, name)):
            return refused
        assert former
        given = {**former["properties"], **((asked.body or {}).get("properties") or {})}
        return self._write(kind, parent, name, {**former, **(asked.body or {})}, given)

    def _write(
        self, kind: str, parent: str, name: str, body: dict[str, Any], given: dict[str, Any]
    ) -> Answer:
        properties = completed(kind, given)
        with self.state.lock:
            if refused := self._orphaned(kind, parent):
                return refused
            if why := wrong(kind, name, properties) or self._leads_nowhere(kind, properties):
                return problem(400, "BadRequest", why)
            if kind == ORIGIN and self.refuses:
                code, self.refuses = self.refuses, ""
                return problem(400, code, f"The origin {name} is refused.")
            made = resource_of(kind, parent, name, properties)
            if kind == ENDPOINT:
                made |= {"tags": body.get("tags") or {}}
            is_new = self.state.get(made["id"]) is None
            number = self.state.write(made, self._failure())
        return Answer(201 if is_new else 202, self.state.get(made["id"]), links_to(number, is_new))

    def _delete(self, kind: str, asked: Asked, profile: str, name: str, parent: str = "") -> Answer:
        if refused := foreign(profile):
            return refused
        with self.state.lock:
            found = self.state.get(identifier_of(kind, parent, name))
            if not found:
                return Answer(204)
            if kind == ORIGIN_GROUP and self._is_used(found["id"]):
                return problem(409, "Conflict", f"The origin group {name} is used by a route.")
            below = {ENDPOINT: "routes", ORIGIN_GROUP: "origins"}.get(kind)
            for each in self.state.below(f"{found['id']}/{below}") if below else ():
                self.state.remove(each)
            number = self.state.remove(found, self._failure())
        return Answer(202, None, links_to(number, False))

    def _failure(self) -> str:
        code, self.fails = self.fails, ""
        return code

    def _orphaned(self, kind: str, parent: str) -> Answer | None:
        above = kind.rpartition("/")[0]
        if not above or self.state.get(identifier_of(above, "", parent)):
            return None
        return problem(404, "ParentResourceNotFound", f"Failed to perform operation on nested "
                       f"resource: the parent resource '{CDN}/{above}/{parent}' could not be "
                       "found.")  # fmt: skip

    def _leads_nowhere(self, kind: str, properties: dict[str, Any]) -> str:
        """A route is taken only once there is somewhere to lead to."""
        if kind != ROUTE:
            return ""
        origins = self.state.below(f"{properties['originGroup']['id']}/origins")
        is_open = any(each["properties"]["enabledState"] == "Enabled" for each in origins)
        return "" if is_open else _NO_ORIGIN

    def _is_used(self, group: str) -> bool:
        return any(
            route["properties"]["originGroup"]["id"].lower() == group.lower()
            for endpoint in self.state.below(f"{AT}/{ENDPOINT}")
            for route in self.state.below(f"{endpoint['id']}/routes")
        )

    def _operation(self, _: Asked, number: str) -> Answer:
        found = self.state.operation(number)
        if not found:
            return problem(404, "NotFound", f"The operation {number} was not found.")
        status, code, place = found
        error = {"code": code or "None", "message": f"{place}: {code}." if code else None}
        return Answer(body={"status": status, "error": error})

    def _outcome(self, asked: Asked, number: str) -> Answer:
        found = self.state.operation(number)
        if not found:
            return problem(404, "NotFound", f"The operation {number} was not found.")
        if found[0] == "InProgress":
            return Answer(202, None, links_to(number, False))
        resource = self.state.get(found[2])
        return Answer(200, resource) if resource else Answer(204)
