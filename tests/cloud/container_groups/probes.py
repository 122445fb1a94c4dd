"""Liveness and readiness of a container, as its group asks for them, by HTTP."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from typing import Any

LOOK_S = 0.3  # readiness is looked at more often than asked for: tests are in a hurry


@dataclass(frozen=True)
class Probe:
    """One probe with the defaults of the service."""

    path: str
    headers: dict[str, str]
    delay_s: float
    period_s: float
    timeout_s: float
    failures: int
    successes: int

    @staticmethod
    def read(asked: dict[str, Any] | None) -> Probe | None:
        """As it is written in a group."""
        if not asked:
            return None
        web = asked["httpGet"]
        headers = {each["name"]: each["value"] for each in web.get("httpHeaders") or []}
        return Probe(
            web.get("path") or "/", headers, asked.get("initialDelaySeconds") or 0,
            asked.get("periodSeconds") or 10, asked.get("timeoutSeconds") or 1,
            asked.get("failureThreshold") or 3, asked.get("successThreshold") or 1,
        )  # fmt: skip

    def refusal(self, address: tuple[str, int]) -> str:
        """What is wrong with the answer; nothing if it is right."""
        connection = http.client.HTTPConnection(*address, timeout=self.timeout_s)
        try:
            connection.request("GET", self.path, headers=self.headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return f"Get {self.path}: {type(error).__name__}"
        finally:
            connection.close()
        return "" if status < 400 else f"HTTP probe failed with statuscode: {status}"


class Readiness:
    """Whether traffic is let in; a container without a probe is ready once it runs."""

    def __init__(self, probe: Probe | None) -> None:
        self._probe, self._start = probe, time.monotonic()
        self._row, self._last = 0, False
        self.is_ready = probe is None

    @property
    def pause_s(self) -> float:
        """Until the next look."""
        return min(self._probe.period_s, LOOK_S) if self._probe else LOOK_S

    def look(self, address: tuple[str, int]) -> str:
        """Ask once; what is wrong, if it changed what is thought of the container."""
        probe = self._probe
        if probe is None or time.monotonic() < self._start + min(probe.delay_s, LOOK_S):
            return ""
        why = probe.refusal(address)
        is_well = not why
        self._row = self._row + 1 if is_well is self._last else 1
        self._last = is_well
        was = self.is_ready
        if is_well and self._row >= probe.successes:
            self.is_ready = True
        if why and self._row >= probe.failures:
            self.is_ready = False
        return why if was and not self.is_ready else ""


class Liveness:
    """Whether a container is to be ended, and begun again."""

    def __init__(self, probe: Probe | None) -> None:
        self._probe = probe
        self._next = time.monotonic() + (probe.delay_s if probe else 0)
        self._failures = 0

    def look(self, address: tuple[str, int]) -> str:
        """Ask, if it is time; why it is dead, if it is."""
        probe = self._probe
        if probe is None or time.monotonic() < self._next:
            return ""
        why = probe.refusal(address)
        self._failures = self._failures + 1 if why else 0
        self._next = time.monotonic() + probe.period_s
        return why if self._failures >= probe.failures else ""
