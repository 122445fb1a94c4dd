"""
The stable address: an endpoint of Azure Front Door before the two groups of a model.

The profile is made by whoever owns the subscription. What belongs to one model is made here once:
an endpoint, a group of origins that are probed, one origin a container group, a route.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.backends.azure.containers.groups import PORT
from tasks.backends.azure.failures import told
from tasks.backends.azure.names import slug
from tasks.backends.azure.waiting import POLL_S, ended

if TYPE_CHECKING:
    from azure.mgmt.cdn import CdnManagementClient

WHOLE = 1000  # the weight of all traffic
PROBE_S = 5  # the least that Front Door offers
EVERYWHERE = "global"
CHANGE_S = 900.0  # within which an operation ends; the way to all edges comes after it


@dataclass(frozen=True)
class Share:
    """
    What one group gets of the traffic.

    Attributes:
        percent: in [0, 100]; 0 takes the origin out.
    """

    host: str
    percent: float


class FrontDoor:
    """
    Args:
        place: the resource group.
        profile: a Standard or Premium profile in it.
        poll_s: seconds between two looks at a change.
    """

    def __init__(
        self, client: CdnManagementClient, place: str, profile: str, *, poll_s: float = POLL_S
    ) -> None:
        self._client, self._at, self._poll_s = client, (place, profile), poll_s

    def url(self, endpoint: str) -> str | None:
        """The address of the model, if it has one."""
        host = self._endpoint(slug(endpoint)).get("properties", {}).get("hostName")
        return f"https://{host}" if host else None

    def share(self, endpoint: str, shares: Mapping[str, Share]) -> str:
        """
        Give each group its share, and make what leads there if it is missing.

        Whoever gets something is let in before another is taken out: an origin group with no
        origin answers nobody.

        Args:
            shares: by name of the group.

        Returns:
            The address.
        """
        name = slug(endpoint)
        self._require_endpoint(name)
        self._require_origins(name)
        for origin, share in sorted(shares.items(), key=lambda each: -each[1].percent):
            self._set_origin(name, origin, share)
        self._require_route(name)
        return str(self.url(endpoint))

    def lacks(self, endpoint: str) -> set[str]:
        """What ``share`` would make first: "endpoint", "origin group", "route"."""
        name = slug(endpoint)
        found = {
            "endpoint": self._endpoint(name),
            "origin group": self._origin_group(name),
            "route": self._route(name),
        }
        return {what for what, known in found.items() if not known}

    def shares(self, endpoint: str) -> dict[str, float]:
        """What each origin gets by the configuration, in per cent; ``{}`` if there is none."""
        name = slug(endpoint)
        if not self._origin_group(name):
            return {}
        with told(f"listing the origins of {name}"):
            found = [
                (str(each.name), dict(each.as_dict().get("properties", {})))
                for each in self._client.afd_origins.list_by_origin_group(*self._at, name)
            ]
        weights = {
            origin: float(given.get("weight") or 0)
            for origin, given in found
            if given.get("enabledState") == "Enabled"
        }
        return {origin: 100 * weight / sum(weights.values()) for origin, weight in weights.items()}

    def _require_endpoint(self, name: str) -> None:
        if not self._endpoint(name):
            self._change(
                self._client.afd_endpoints.begin_create, (name,),
                {"location": EVERYWHERE, "properties": {"enabledState": "Enabled"}},
            )  # fmt: skip

    def _require_origins(self, name: str) -> None:
        if not self._origin_group(name):
            self._change(self._client.afd_origin_groups.begin_create, (name,), {"properties": {
                "loadBalancingSettings": {
                    "sampleSize": 4, "successfulSamplesRequired": 2,
                    "additionalLatencyInMilliseconds": 1000,  # by weight, not by distance
                },
                "healthProbeSettings": {
                    "probePath": "/readyz", "probeRequestType": "GET", "probeProtocol": "Http",
                    "probeIntervalInSeconds": PROBE_S,
                },
                "sessionAffinityState": "Disabled",
            }})  # fmt: skip

    def _require_route(self, name: str) -> None:
        """Behind the endpoint; Front Door makes none before there is an origin."""
        if self._route(name):
            return
        self._change(self._client.routes.begin_create, (name, name), {"properties": {
            "originGroup": {"id": self._origin_group(name)["id"]},
            "supportedProtocols": ["Http", "Https"], "patternsToMatch": ["/*"],
            "forwardingProtocol": "HttpOnly", "linkToDefaultDomain": "Enabled",
            "httpsRedirect": "Enabled", "enabledState": "Enabled",
        }})  # fmt: skip

    def _set_origin(self, name: str, origin: str, share: Share) -> None:
        """One write, if anything differs."""
        found = self._found(
            "origin", lambda: self._client.afd_origins.get(*self._at, name, origin)
        ).get("properties", {})
        wanted = {
            "hostName": share.host, "originHostHeader": share.host, "httpPort": PORT,
            "priority": 1, "weight": max(1, round(WHOLE * share.percent / 100)),
            "enabledState": "Enabled" if share.percent else "Disabled",
        }  # fmt: skip
        is_out = not share.percent and found.get("enabledState", "Disabled") == "Disabled"
        if is_out or all(found.get(key) == value for key, value in wanted.items()):
            return
        self._change(
            self._client.afd_origins.begin_create, (name, origin),
            {"properties": {**wanted, "enforceCertificateNameCheck": False}},
        )  # fmt: skip

    def _endpoint(self, name: str) -> dict[str, Any]:
        return self._found("endpoint", lambda: self._client.afd_endpoints.get(*self._at, name))

    def _origin_group(self, name: str) -> dict[str, Any]:
        return self._found(
            "origin group", lambda: self._client.afd_origin_groups.get(*self._at, name)
        )

    def _route(self, name: str) -> dict[str, Any]:
        return self._found("route", lambda: self._client.routes.get(*self._at, name, name))

    def _found(self, what: str, look: Callable[[], Any]) -> dict[str, Any]:
        """As Azure says it; ``{}`` if it is not there."""
        from azure.core.exceptions import ResourceNotFoundError

        with told(f"looking at the {what} in Front Door {self._at[1]}"):
            try:
                return dict(look().as_dict())
            except ResourceNotFoundError:
                return {}

    def _change(self, begin: Callable[..., Any], names: tuple[str, ...], body: Any) -> None:
        what = f"{'/'.join(names)} of Front Door {self._at[1]}"
        with told(f"changing {what}"):
            operation = begin(*self._at, *names, body, polling_interval=self._poll_s)
            ended(operation, what=f"the change of {what}", timeout_s=CHANGE_S)
