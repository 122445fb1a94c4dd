"""
What was written of Azure Front Door: how far it is, and what the edge knows of it by now.

An operation takes its time; what it wrote reaches the edge later still, and until then the edge
goes on with what it knew. All of it is a matter of the clock, so a restart changes nothing.
"""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import Callable
from typing import Any

from tests.cloud.subscription.resources import Resources


class FrontDoorState:
    """
    Resources by identifier.

    Args:
        times_s: how long an operation takes, and then its way to the edge; asked each time.

    Attributes:
        is_deployment_told: ``deploymentStatus`` goes on to Succeeded, as the OpenAPI describes;
            recordings of the real service show that it may stay NotStarted for ever.
    """

    def __init__(self, resources: Resources, times_s: Callable[[], tuple[float, float]]) -> None:
        self._known, self._times_s = resources, times_s
        self.lock = resources.lock
        self.is_deployment_told = True

    def seed(self, resource: dict[str, Any]) -> None:
        """Let this be there from the start, and everywhere."""
        if not self._known.get(resource["id"]):
            steps = [[0.0, resource["properties"]]]
            self._keep(resource, "Creating", 0.0, "", steps, [])

    def get(self, identifier: str) -> dict[str, Any] | None:
        """That resource as the service tells it, if it is there."""
        entry = self._known.get(identifier)
        return self._told(entry) if entry else None

    def below(self, identifier: str) -> list[dict[str, Any]]:
        """Those directly below, oldest first."""
        told = (self._told(each) for each in self._known.below(identifier))
        return [each for each in told if each]

    def write(self, resource: dict[str, Any], code: str = "") -> str:
        """Begin to make or to change it; its number. It fails with ``code``, if there is one."""
        doing = "Updating" if self.get(resource["id"]) else "Creating"
        return self._begin(resource, doing, resource["properties"], code)

    def remove(self, resource: dict[str, Any], code: str = "") -> str:
        """Begin to remove it; its number."""
        return self._begin(resource, "Deleting", None, code)

    def operation(self, number: str) -> tuple[str, str, str] | None:
        """Status, code of the error, and identifier of the resource, of that operation."""
        with self.lock:
            for identifier in self._known.identifiers():
                entry = self._known.get(identifier)
                place = entry["resource"]["id"]
                if entry["number"] == number:
                    if time.time() < entry["until"]:
                        return "InProgress", "", place
                    return "Failed" if entry["code"] else "Succeeded", entry["code"], place
                for past, code in entry["past"]:
                    if past == number:
                        return "Failed" if code else "Succeeded", code, place
        return None

    def effective(self) -> dict[str, dict[str, Any]]:
        """What the edge knows by now, never less than before: identifier → properties."""
        known = {}
        with self.lock:
            for entry in [self._known.get(each) for each in self._known.identifiers()]:
                entry["steps"] = entry["steps"][len(self._reached(entry)) - 1 :]
                known[entry["resource"]["id"]] = entry["steps"][0][1]
        return {identifier: found for identifier, found in known.items() if found is not None}

    def is_busy(self) -> bool:
        """Does an operation go on, or what it wrote find its way to the edge?"""
        now, way = time.time(), self._times_s()[1]
        with self.lock:
            entries = [self._known.get(each) for each in self._known.identifiers()]
        return any(now < entry["until"] + way for entry in entries)

    def _begin(self, resource: dict[str, Any], doing: str, written: Any, code: str) -> str:
        until = time.time() + self._times_s()[0]
        with self.lock:
            entry = self._known.get(resource["id"])
            steps: list[list[Any]] = [[0.0, None]]
            past: list[list[str]] = []
            if entry:
                first = len(self._reached(entry)) - 1
                steps, past = entry["steps"][first:], [*entry["past"], _end_of(entry)][-20:]
            if not code:
                steps = [*steps, [until, written]]
            return self._keep(resource, doing, until, code, steps, past)

    def _keep(
        self, resource: dict[str, Any], doing: str, until: float, code: str,
        steps: list[list[Any]], past: list[list[str]],
    ) -> str:  # fmt: skip
        number = str(uuid.uuid4())
        self._known.put(
            resource["id"],
            copy.deepcopy({
                "resource": resource, "doing": doing, "until": until, "code": code,
                "number": number, "steps": steps, "past": past,
            }),
        )  # fmt: skip
        return number

    def _reached(self, entry: dict[str, Any]) -> list[list[Any]]:
        """The steps that the edge has come to know; the first at least."""
        until, steps = time.time() - self._times_s()[1], entry["steps"]
        return [step for number, step in enumerate(steps) if not number or step[0] <= until]

    def _told(self, entry: dict[str, Any]) -> dict[str, Any] | None:
        is_over = time.time() >= entry["until"]
        if is_over and entry["doing"] == "Deleting" and not entry["code"]:
            return None
        state = ("Failed" if entry["code"] else "Succeeded") if is_over else entry["doing"]
        told: dict[str, Any] = copy.deepcopy(entry["resource"])
        told["properties"] |= {
            "provisioningState": state,
            "deploymentStatus": self._deployment(entry) if is_over else "NotStarted",
        }
        return told

    def _deployment(self, entry: dict[str, Any]) -> str:
        if not self.is_deployment_told:
            return "NotStarted"
        if entry["code"]:
            return "Failed"
        return "Succeeded" if len(self._reached(entry)) == len(entry["steps"]) else "InProgress"


def _end_of(entry: dict[str, Any]) -> list[str]:
    return [entry["number"], entry["code"]]
