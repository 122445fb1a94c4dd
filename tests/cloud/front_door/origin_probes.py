"""Is an origin healthy: by real requests to it, again and again, as its group says."""

from __future__ import annotations

import asyncio
from collections import deque

import httpcore

from tests.cloud.front_door.edge_map import EdgeMap, Origin, OriginGroup
from tests.cloud.wire.proxy import Resolve

TIMEOUT_S = 2.0
MOST = 255  # samples that a group may ask for
Server = tuple[str, str, int]  # what stays the same when an origin gets another weight


class Probes:
    """
    Args:
        resolve: an origin's host and port → where it is on this machine.

    Attributes:
        pause_s: between two probes of an origin; the real one takes 5 s at least.
        sent: probes by name of the origin.
    """

    def __init__(self, resolve: Resolve, pool: httpcore.AsyncConnectionPool) -> None:
        self._resolve, self._pool = resolve, pool
        self._samples: dict[Server, deque[bool]] = {}
        self._groups: dict[Server, tuple[Origin, OriginGroup]] = {}
        self.pause_s = 0.3
        self.sent: dict[str, int] = {}

    def is_healthy(self, origin: Origin) -> bool:
        """So many of its last samples were good, or its group does not probe."""
        _, group = self._groups.get(_server(origin), (origin, None))
        if group is None or group.probe is None:
            return group is not None
        recent = list(self._samples[_server(origin)])[-group.samples :] if group.samples else []
        return sum(recent) >= group.good

    def is_busy(self) -> bool:
        """Is an origin not known to be well yet?"""
        return any(not self.is_healthy(origin) for origin, _ in list(self._groups.values()))

    def follow(self, known: EdgeMap) -> None:
        """Probe these origins from now on, and forget the others."""
        self._groups = {
            _server(origin): (origin, group) for group in known.groups() for origin in group.origins
        }
        former = self._samples
        self._samples = {each: former.get(each, deque(maxlen=MOST)) for each in self._groups}

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await asyncio.gather(*(self._probe(*each) for each in self._groups.values()))
            await asyncio.sleep(self.pause_s)

    async def _probe(self, origin: Origin, group: OriginGroup) -> None:
        if group.probe is None:
            return
        self.sent[origin.name] = self.sent.get(origin.name, 0) + 1
        is_good = await self._answers(origin, group, group.probe)
        samples = self._samples.get(_server(origin))
        if samples is not None:  # it may have been taken out in the meantime
            samples.append(is_good)

    async def _answers(self, origin: Origin, group: OriginGroup, probe: tuple[str, str]) -> bool:
        """Only 200 is well."""
        port = origin.https_port if group.is_probed_by_tls else origin.http_port
        address = self._resolve(origin.host, port)
        if address is None:
            return False
        scheme = "https" if group.is_probed_by_tls else "http"
        try:
            answer = await self._pool.request(
                probe[0], f"{scheme}://{address[0]}:{address[1]}{probe[1]}",
                headers={"Host": origin.host_header or origin.host, "X-FD-HealthProbe": "1",
                         "User-Agent": "Edge Health Probe"},
                extensions={"timeout": dict.fromkeys(("connect", "read", "write"), TIMEOUT_S)},
            )  # fmt: skip
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
            return False
        return answer.status == 200


def _server(origin: Origin) -> Server:
    return origin.name, origin.host, origin.http_port
