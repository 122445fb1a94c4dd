"""Front Door before servers of a test, reached by the real SDK and by real callers."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.cloud.front_door.edge import Edge
from tests.cloud.front_door.management import OWN
from tests.cloud.front_door.origins import PORT, OriginServer
from tests.cloud.front_door.shapes import PROFILE
from tests.cloud.stand_in import StandIn
from tests.cloud.subscription.arm import GROUP, SUBSCRIPTION
from tests.cloud.wire.authority import Authority
from tests.cloud.wire.proxy import Proxy

if TYPE_CHECKING:
    from azure.mgmt.cdn import CdnManagementClient

AT = (GROUP, PROFILE)


@dataclass(frozen=True)
class Door:
    """A cloud whose edge leads to ``servers``, by their hosts."""

    cloud: StandIn
    edge: Edge
    sdk: CdnManagementClient
    servers: dict[str, OriginServer]

    @property
    def url(self) -> str:
        """Of the endpoint that is there from the start."""
        return f"https://{self.sdk.afd_endpoints.get(*AT, OWN).as_dict()['properties']['hostName']}"

    def serve(self, name: str) -> OriginServer:
        """A server more."""
        made = OriginServer(name)
        self.servers[made.host] = made
        return made

    def lead(self, server: OriginServer, **properties: Any) -> dict[str, Any]:
        """Make or change the origin of a server; what the SDK says in the end."""
        given = {"hostName": server.host, "originHostHeader": server.host, "httpPort": PORT}
        begun = self.sdk.afd_origins.begin_create(
            *AT, OWN, server.name, {"properties": {**given, **properties}}, polling_interval=0.1
        )
        return dict(begun.result().as_dict())

    def caller(self) -> httpx.Client:
        """One who trusts the stand-in, and knows the proxy by the environment."""
        return httpx.Client(base_url=self.url, verify=str(self.cloud.bundle), timeout=30)

    def counts(self, times: int) -> Counter[str]:
        """Who answers how often."""
        with self.caller() as caller:
            return Counter(caller.get("/").raise_for_status().json()["name"] for _ in range(times))


@contextlib.contextmanager
def opened(place: Path) -> Iterator[Door]:
    """Until the end of the block; with the same folder it goes on where it was."""
    from azure.identity import EnvironmentCredential
    from azure.mgmt.cdn import CdnManagementClient

    servers: dict[str, OriginServer] = {}

    def resolve(host: str, port: int) -> tuple[str, int] | None:
        return servers[host].address if host in servers and port == PORT else None

    with contextlib.ExitStack() as stack:
        cloud = stack.enter_context(StandIn(place))
        edge = Edge(cloud.door, Authority(place / "authority"), cloud.record, resolve)
        stack.callback(edge.close)
        proxy = Proxy({
            "login.microsoftonline.com:443": cloud.login.site.address,
            "management.azure.com:443": cloud.arm.site.address,
            "*.z01.azurefd.net:443": edge.address,
        })  # fmt: skip
        stack.callback(proxy.close)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in {**cloud.environment, "HTTPS_PROXY": proxy.url}.items():
            patch.setenv(name, value)
        sdk = CdnManagementClient(EnvironmentCredential(), SUBSCRIPTION)
        yield Door(cloud, edge, sdk, servers)
        for server in servers.values():
            server.close()


def until(is_true: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """
    Wait for it.

    Raises:
        TimeoutError: it did not become true.
    """
    deadline = time.monotonic() + timeout_s
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so after {timeout_s:g} s")
        time.sleep(0.05)
