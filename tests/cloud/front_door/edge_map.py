"""What an edge of Front Door knows: which host and path lead to which origins."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Origin:
    """One server behind an edge; ``name`` is that of the resource."""

    name: str
    host: str
    http_port: int
    https_port: int
    host_header: str
    priority: int
    weight: int


@dataclass(frozen=True)
class OriginGroup:
    """
    Attributes:
        probe: method and path, if the origins are probed at all; by TLS if ``is_probed_by_tls``.
        samples, good: of the last so many probes so many must succeed.
        origins: those that are enabled.
    """

    probe: tuple[str, str] | None
    is_probed_by_tls: bool
    samples: int
    good: int
    origins: tuple[Origin, ...]

    def chosen(self, is_healthy: Callable[[Origin], bool]) -> Origin | None:
        """By weight, among the healthy ones of the best priority."""
        able = [each for each in self.origins if is_healthy(each)]
        best = [each for each in able if each.priority == min(one.priority for one in able)]
        return random.choices(best, [each.weight for each in best])[0] if best else None


@dataclass(frozen=True)
class Route:
    """
    Attributes:
        patterns: paths, or beginnings of paths that end in ``*``.
        is_by_tls: the origins are asked by TLS.
    """

    patterns: tuple[str, ...]
    is_by_tls: bool
    group: OriginGroup


@dataclass(frozen=True)
class EdgeMap:
    """Routes by host name of their endpoint."""

    routes: Mapping[str, tuple[Route, ...]]

    def route(self, host: str, path: str) -> Route | None:
        """The one whose pattern fits best, as a whole path before a beginning."""
        fitting = [
            (not pattern.endswith("*"), len(pattern), number, route)
            for number, route in enumerate(self.routes.get(host.lower(), ()))
            for pattern in route.patterns
            if pattern == path or (pattern.endswith("*") and path.startswith(pattern[:-1]))
        ]
        return max(fitting)[3] if fitting else None

    def groups(self) -> list[OriginGroup]:
        """Those that some route leads to."""
        return [route.group for routes in self.routes.values() for route in routes]


def drawn(known: Mapping[str, dict[str, Any]]) -> EdgeMap:
    """The map of resources: identifier → properties."""
    small = {identifier.lower(): properties for identifier, properties in known.items()}
    routes: dict[str, tuple[Route, ...]] = {}
    for place, endpoint in small.items():
        if place.split("/")[-2] == "afdendpoints" and _is_on(endpoint):
            below = [each for key, each in small.items() if key.startswith(f"{place}/routes/")]
            found = [_route(each, small) for each in below if _is_led_by(each)]
            routes[endpoint["hostName"]] = tuple(found)
    return EdgeMap(routes)


def _is_on(properties: dict[str, Any]) -> bool:
    return properties.get("enabledState") == "Enabled"


def _is_led_by(route: dict[str, Any]) -> bool:
    is_ours = route["linkToDefaultDomain"] == "Enabled" and "Https" in route["supportedProtocols"]
    return _is_on(route) and is_ours


def _route(given: dict[str, Any], known: Mapping[str, dict[str, Any]]) -> Route:
    group = given["originGroup"]["id"].lower()
    patterns, protocol = tuple(given["patternsToMatch"]), given["forwardingProtocol"]
    return Route(patterns, protocol != "HttpOnly", _group(group, known))


def _group(place: str, known: Mapping[str, dict[str, Any]]) -> OriginGroup:
    given = known.get(place, {})
    balance, probe = (
        given.get("loadBalancingSettings") or {},
        given.get("healthProbeSettings") or {},
    )
    origins = [
        Origin(
            key.rpartition("/")[2], each["hostName"], each["httpPort"], each["httpsPort"],
            each.get("originHostHeader") or "", each["priority"], each["weight"],
        )
        for key, each in known.items() if key.startswith(f"{place}/origins/") and _is_on(each)
    ]  # fmt: skip
    method = probe.get("probeRequestType", "HEAD")
    return OriginGroup(
        ("GET" if method == "GET" else "HEAD", probe.get("probePath") or "/") if probe else None,
        probe.get("probeProtocol") == "Https",
        balance.get("sampleSize", 4), balance.get("successfulSamplesRequired", 2), tuple(origins),
    )  # fmt: skip
