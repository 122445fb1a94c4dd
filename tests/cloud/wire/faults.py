"""Faults on demand: what clouds do on bad days, for the next calls that match."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Any, Literal

When = Literal["before", "after"]


@dataclass
class Fault:
    """
    One misfortune, for the next ``times`` calls that match.

    Attributes:
        method, path: of the calls; ``path`` is a regular expression that is searched for.
        status: to answer with; ``None`` drops the connection instead.
        when: "before" the call has had its effect, or "after": then only the answer is lost.
        headers, body: of the answer.
        delay_s: to wait before anything else.
        drip_s: how long the answer takes, which comes in drops, if it is not 0; it is the true one.
    """

    method: str
    path: str
    status: int | None = 503
    when: When = "before"
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    delay_s: float = 0.0
    drip_s: float = 0.0


class Faults:
    """What shall go wrong, and how often it did."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[Fault] = []
        self.met = 0

    def add(self, fault: Fault) -> None:
        """Let the next matching calls meet ``fault``."""
        with self._lock:
            self._pending.append(fault)

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._pending.clear()

    def meet(self, method: str, path: str) -> Fault | None:
        """The fault that this call meets, counted."""
        with self._lock:
            for fault in self._pending:
                if fault.times and fault.method == method and re.search(fault.path, path):
                    fault.times -= 1
                    self.met += 1
                    return fault
        return None
