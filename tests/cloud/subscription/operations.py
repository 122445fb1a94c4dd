"""
Changes that go on after the answer, as Resource Manager tells of them.

They are kept: whoever waits for one may ask a stand-in that was started again, which goes on with
what was not done.
"""

from __future__ import annotations

import datetime
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from tests.cloud.subscription.arm import REGION, SUBSCRIPTION, Arm, problem
from tests.cloud.subscription.resources import Resources
from tests.cloud.wire.site import Answer, Asked

Error = dict[str, str]  # code and message
Act = Callable[[str, str], Error | None]  # number of the operation, name of its target


class Unfinished(Exception):
    """The stand-in ends before the operation does."""


class Operations:
    """
    Args:
        provider: such as Microsoft.ContainerInstance.
        acts: what each kind of operation does.
    """

    def __init__(self, arm: Arm, known: Resources, provider: str, acts: Mapping[str, Act]) -> None:
        self._known, self._provider, self._acts = known, provider, acts
        there = (
            rf"(?P<place>/subscriptions/[^/]+)/providers/{provider.replace('.', '[.]')}"
            r"/locations/(?P<region>[^/]+)"
        )
        arm.route("GET", there + "/operations/(?P<number>[^/]+)", self._status)
        arm.route("GET", there + "/operationresults/(?P<number>[^/]+)", self._result)

    def resume(self) -> None:
        """Go on with what a stand-in before did not end."""
        for found in self._known.below("operations"):
            if found["status"] == "InProgress":
                self._run(found["name"])

    def is_busy(self) -> bool:
        """Does any of them go on?"""
        return any(each["status"] == "InProgress" for each in self._known.below("operations"))

    def begin(self, kind: str, target: str) -> str:
        """Start one; its number."""
        number = str(uuid.uuid4())
        self._known.put(f"operations/{number}", {
            "name": number, "kind": kind, "target": target, "status": "InProgress",
            "startTime": now(),
        })  # fmt: skip
        self._run(number)
        return number

    def followed(self, number: str) -> dict[str, str]:
        """Headers of an answer whose operation tells its status."""
        return {"Azure-AsyncOperation": self._url("operations", number), "Retry-After": "0"}

    def accepted(self, number: str) -> Answer:
        """The answer to a call whose result comes later."""
        where = self._url("operationresults", number)
        return Answer(202, None, {"Location": where, "Retry-After": "0"})

    def _run(self, number: str) -> None:
        threading.Thread(target=self._act, args=(number,), daemon=True).start()

    def _act(self, number: str) -> None:
        found = self._known.get(f"operations/{number}")
        try:
            error = self._acts[found["kind"]](number, found["target"])
        except Unfinished:
            return
        ended = {"status": "Failed", "error": error} if error else {"status": "Succeeded"}
        self._known.put(f"operations/{number}", {**found, **ended, "endTime": now()})

    def _status(self, _: Asked, place: str, region: str, number: str) -> Answer:
        found = self._known.get(f"operations/{number}")
        if not found:
            return _absent(number)
        told = {key: found[key] for key in ("name", "status", "startTime", "endTime", "error")
                if key in found}  # fmt: skip
        where = f"{place}/providers/{self._provider}/locations/{region}/operations/{number}"
        return Answer(body={"id": where, **told})

    def _result(self, _: Asked, place: str, region: str, number: str) -> Answer:
        found = self._known.get(f"operations/{number}")
        if not found:
            return _absent(number)
        if found["status"] == "InProgress":
            return self.accepted(number)
        error = found.get("error")
        return problem(409, error["code"], error["message"]) if error else Answer(204)

    def _url(self, kind: str, number: str) -> str:
        return (f"https://management.azure.com/subscriptions/{SUBSCRIPTION}/providers/"
                f"{self._provider}/locations/{REGION}/{kind}/{number}"
                "?api-version=2018-06-01")  # fmt: skip


def now() -> str:
    """As Azure writes a time."""
    return datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")


def _absent(number: str) -> Answer:
    return problem(404, "OperationNotFound", f"The operation '{number}' was not found.")


def plain(known: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty, which Azure leaves out."""
    return {key: value for key, value in known.items() if value is not None}
