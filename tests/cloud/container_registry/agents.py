"""The agents of a registry: runs that wait, build, push, fail, and can be cancelled."""

from __future__ import annotations

import copy
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import AzureError

from tests.cloud.container_registry.building import Building
from tests.cloud.container_registry.pushed import Pushed
from tests.cloud.container_registry.task_runs import GOING, PLACE, SERVER, new_run
from tests.cloud.subscription.operations import now
from tests.cloud.subscription.resources import Resources
from tests.cloud.wire.record import Record
from tests.cloud.wire.secure import hide
from tests.infra.engine import Engine

TASKS = "acr-tasks"  # the container of contexts and logs


@dataclass
class Misfortune:
    """
    What shall go wrong with builds from now on.

    Attributes:
        line: put at the end of each Dockerfile, such as one that fails.
        is_lost: nothing is pushed.
        end_with: a status that ends each build before it begins, such as Error.
        delay_s: that a build runs before it does anything.
        is_stuck: builds wait for an agent that never comes.
    """

    line: str = ""
    is_lost: bool = False
    end_with: str = ""
    delay_s: float = 0.0
    is_stuck: bool = False


class Agents:
    """
    Args:
        engine: makes the engine when something is first built.
        put: writes a blob as the owner of the storage: container, name, bytes.
        get: reads one.
    """

    def __init__(
        self, known: Resources, pushed: Pushed, record: Record, engine: Callable[[], Engine],
        put: Callable[[str, str, bytes], None], get: Callable[[str, str], bytes],
    ) -> None:  # fmt: skip
        self._known, self._pushed, self._record = known, pushed, record
        self._engine, self._put, self._get = engine, put, get
        self.misfortune = Misfortune()
        self._going: dict[str, Building] = {}
        for run in self.runs():  # those that a stand-in before left behind
            if run["properties"]["status"] in GOING:
                self._end(run["name"], "Error", runErrorMessage="the agent was lost")

    def runs(self) -> list[dict[str, Any]]:
        """All builds that were ever begun."""
        return self._known.below(f"{PLACE}/runs")

    def begin(self, request: dict[str, Any]) -> dict[str, Any]:
        """Let a run wait for its turn; it."""
        for each in request.get("arguments") or []:
            if each.get("isSecret"):
                hide(each["value"], self._record)
        with self._known.lock:
            run = new_run(f"ca{len(self.runs()) + 1}", request)
            self._known.put(run["id"], run)
        arguments = (run["name"], copy.deepcopy(request), copy.copy(self.misfortune))
        threading.Thread(target=self._begin, args=arguments, daemon=True).start()
        return copy.deepcopy(run)

    def _begin(self, number: str, request: dict[str, Any], fate: Misfortune) -> None:
        """A fault of the stand-in's own ends the build, and is printed: nobody waits for it."""
        try:
            self._build(number, request, fate)
        except Exception as error:  # noqa: BLE001 (printed, and told by the run)
            traceback.print_exc()
            self._end(number, "Error", runErrorMessage=repr(error))

    def _build(self, number: str, request: dict[str, Any], fate: Misfortune) -> None:
        if fate.is_stuck:
            return
        if fate.end_with:
            self._end(number, fate.end_with)
            return
        self._change(number, status="Running", startTime=now())
        self._sleep(number, fate.delay_s)
        try:
            archive = self._get(TASKS, request["sourceLocation"])
        except AzureError as error:
            self._end(number, "Failed", runErrorMessage=f"no context: {error}")
            return
        image = f"localhost/run:{number}"
        building = Building(
            self._engine(), request, archive, image,
            lambda log: self._put(TASKS, f"logs/{number}.log", log),
        )  # fmt: skip
        self._going[number] = building
        clock = threading.Timer(request.get("timeout") or 3600, self.cancel, (number, "Timeout"))
        clock.daemon = True
        clock.start()
        code = building.run(fate.line) if self._is_going(number) else 1
        clock.cancel()
        if not self._is_going(number):
            return
        if code == 0 and fate.is_lost:
            building.say(f"failed to push image to {SERVER}: denied\n")
            code = 1
        if code:
            self._end(number, "Failed", runErrorMessage=f"failed to run step, exit code {code}")
            return
        names = request.get("imageNames") or [] if request.get("isPushEnabled", True) else []
        self._end(number, "Succeeded", outputImages=[self._push(each, image) for each in names])

    def _push(self, name: str, image: str) -> dict[str, str]:
        repository, _, tag = name.removeprefix(f"{SERVER}/").partition(":")
        digest = self._pushed.push(repository, tag or "latest", image)
        return {"registry": SERVER, "repository": repository, "tag": tag, "digest": digest}

    def _sleep(self, number: str, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self._is_going(number):
            time.sleep(0.1)

    def _is_going(self, number: str) -> bool:
        return self._known.get(f"{PLACE}/runs/{number}")["properties"]["status"] in GOING

    def cancel(self, number: str, status: str = "Canceled") -> None:
        """End a run, if it goes on."""
        if self._is_going(number):
            self._end(number, status)
        if building := self._going.get(number):
            building.cancel()

    def _end(self, number: str, status: str, **facts: Any) -> None:
        state = status if status in ("Succeeded", "Canceled") else "Failed"
        self._change(number, status=status, finishTime=now(), provisioningState=state, **facts)

    def _change(self, number: str, **facts: Any) -> None:
        with self._known.lock:
            found = self._known.get(f"{PLACE}/runs/{number}")
            if found["properties"]["status"] in GOING:
                found["properties"] |= {**facts, "lastUpdatedTime": now()}
                self._known.put(found["id"], found)
