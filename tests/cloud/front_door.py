"""
Azure Front Door, its management: endpoints, origin groups, origins and routes of one profile.

Shapes as in the official OpenAPI (2024-02-01). What is written becomes effective at the edge after
``propagation_s``, as far as the edge asks: ``effective``.
"""

from __future__ import annotations

import copy
import hashlib
import time
from typing import Any

from tests.cloud.arm import GROUP, SUBSCRIPTION, Arm, problem
from tests.cloud.resources import Resources
from tests.cloud.site import Answer, Asked

PROFILE, FRONT_DOOR_ID = "afd-mlops", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
CDN = "Microsoft.Cdn/profiles"
AT = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/{CDN}/{PROFILE}"
_AT = (
    r"(?P<place>/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Cdn/profiles/[^/]+)"
)
KINDS = {  # path below the profile → its type
    r"/afdEndpoints/(?P<a>[^/]+)": "afdEndpoints",
    r"/originGroups/(?P<a>[^/]+)": "originGroups",
    r"/originGroups/(?P<a>[^/]+)/origins/(?P<b>[^/]+)": "originGroups/origins",
    r"/afdEndpoints/(?P<a>[^/]+)/routes/(?P<b>[^/]+)": "afdEndpoints/routes",
}


class FrontDoor:
    """
    Attributes:
        propagation_s: from a write until the edge knows it.
        refuses: a code with which the next origin is refused.
    """

    def __init__(self, arm: Arm, resources: Resources) -> None:
        self.known = resources
        self.propagation_s, self.refuses = 0.5, ""
        self._history: list[tuple[float, dict[str, Any]]] = [(0.0, self._snapshot())]
        arm.route("GET", _AT, self._profile)
        for pattern in KINDS:
            arm.route("GET", _AT + pattern, self._get)
            arm.route("PUT", _AT + pattern, self._put)
            arm.route("DELETE", _AT + pattern, self._delete)
        arm.route("GET", _AT + r"/originGroups/(?P<a>[^/]+)/origins", self._origins)

    def effective(self) -> dict[str, Any]:
        """Resources by their path below the profile, in small letters, as the edge knows them."""
        until = time.monotonic() - self.propagation_s
        with self.known.lock:
            while len(self._history) > 1 and self._history[1][0] <= until:
                self._history.pop(0)
            return self._history[0][1]

    def _snapshot(self) -> dict[str, Any]:
        start, all_of_them = AT.lower(), self.known.identifiers()
        return {key.removeprefix(start): copy.deepcopy(self.known.get(key)) for key in all_of_them}

    def _profile(self, _: Asked, place: str) -> Answer:
        return Answer(body={
            "id": AT, "name": PROFILE, "type": CDN, "location": "Global", "kind": "frontdoor",
            "tags": {}, "sku": {"name": "Standard_AzureFrontDoor"},
            "properties": {"frontDoorId": FRONT_DOOR_ID, "resourceState": "Active",
                           "provisioningState": "Succeeded", "originResponseTimeoutSeconds": 60},
        })  # fmt: skip

    def _get(self, asked: Asked, place: str, a: str, b: str = "") -> Answer:
        found = self.known.get(_key(asked))
        return Answer(body=found) if found else _absent(asked)

    def _origins(self, _: Asked, place: str, a: str) -> Answer:
        return Answer(body={"value": self.known.below(f"{AT}/originGroups/{a}/origins")})

    def _put(self, asked: Asked, place: str, a: str, b: str = "") -> Answer:
        key = _key(asked)
        parts = key.removeprefix(AT).strip("/").split("/")
        kind = parts[0] if len(parts) == 2 else f"{parts[0]}/{parts[2]}"
        if kind == "originGroups/origins" and self.refuses:
            code, self.refuses = self.refuses, ""
            return problem(400, code, f"The origin {b} cannot be.")
        parent = f"{AT}/{parts[0]}/{parts[1]}"
        if len(parts) > 2 and not self.known.get(parent):
            return _absent(asked)
        if kind == "afdEndpoints/routes":
            group = asked.body["properties"]["originGroup"]["id"]
            if not self.known.below(f"{group}/origins"):
                return problem(400, "BadRequest", "The origin group has no enabled origin.")
        former = self.known.get(key)
        properties = {
            **(former["properties"] if former else {}), **asked.body["properties"],
            "provisioningState": "Succeeded", "deploymentStatus": "NotStarted",
        }  # fmt: skip
        if kind == "afdEndpoints" and not former:
            mark = hashlib.sha256(a.encode()).hexdigest()[:12]
            properties["hostName"] = f"{a}-{mark}.z01.azurefd.net"
        made = {"id": key, "name": parts[-1], "type": f"{CDN}/{kind}", "properties": properties}
        if kind == "afdEndpoints":
            made |= {"location": "Global", "tags": {}}
        self._write(key, made)
        return Answer(200 if former else 201, made)

    def _delete(self, asked: Asked, place: str, a: str, b: str = "") -> Answer:
        if not self.known.remove(_key(asked)):
            return Answer(204)
        self._write(None, None)
        return Answer(200)

    def _write(self, key: str | None, value: Any) -> None:
        with self.known.lock:
            if key:
                self.known.put(key, value)
            self.effective()
            self._history.append((time.monotonic(), self._snapshot()))


def _key(asked: Asked) -> str:
    start = len(AT)
    return f"{AT}{asked.path[start:]}".rstrip("/")


def _absent(asked: Asked) -> Answer:
    return problem(404, "ResourceNotFound", f"The resource {asked.path} was not found.")
