"""Azure Front Door, its edge: a reverse proxy that honours weights, enabled state and probes."""

from __future__ import annotations

import http.client
import random
import threading
import time
from typing import Any

from tests.cloud.authority import Authority
from tests.cloud.forward import forward
from tests.cloud.front_door import FRONT_DOOR_ID, FrontDoor
from tests.cloud.proxy import Resolve
from tests.cloud.record import Record
from tests.cloud.site import Answer, Asked, Site

PROBE_S = 0.3  # the real one takes 5 s at least


class Edge:
    """
    https://….z01.azurefd.net.

    Args:
        resolve: an origin's host and port → where it is on this machine.

    Attributes:
        sent: requests by name of the origin that got them.
    """

    def __init__(
        self, door: FrontDoor, authority: Authority, record: Record, resolve: Resolve
    ) -> None:
        self._door, self._resolve = door, resolve
        self._healthy: dict[str, bool] = {}
        self._is_over = threading.Event()
        self.sent: dict[str, int] = {}
        self.site = Site("edge", authority, record, self._answer)
        threading.Thread(target=self._probe, name="probes", daemon=True).start()

    def close(self) -> None:
        """Probe and answer no more."""
        self._is_over.set()
        self.site.close()

    def _answer(self, asked: Asked) -> Answer:
        host = asked.headers.get("host", "").partition(":")[0]
        origins = self._origins_for(host)
        able = [each for each in origins if self._healthy.get(each["name"])]
        if not able:
            return Answer(503, f"Our services aren't available right now ({host})".encode())
        weights = [each["properties"]["weight"] for each in able]
        origin = random.choices(able, weights)[0]
        given = origin["properties"]
        address = self._resolve(given["hostName"], given["httpPort"])
        if address is None:
            return Answer(502, f"{given['hostName']} cannot be reached".encode())
        self.sent[origin["name"]] = self.sent.get(origin["name"], 0) + 1
        try:
            return forward(asked, address, asked.url, {
                "host": given["originHostHeader"], "x-azure-fdid": FRONT_DOOR_ID,
                "x-forwarded-host": host, "x-forwarded-proto": "https",
                "x-forwarded-for": "127.0.0.1",
            })  # fmt: skip
        except (OSError, http.client.HTTPException) as error:
            return Answer(502, f"{origin['name']}: {error!r}".encode())

    def _origins_for(self, host: str) -> list[dict[str, Any]]:
        """Enabled origins of the group that the host's route leads to."""
        known = self._door.effective()
        for path, endpoint in known.items():
            parts = path.strip("/").split("/")
            if parts[0] != "afdendpoints" or len(parts) != 2:
                continue
            if endpoint["properties"]["hostName"] != host:
                continue
            for route_path, route in known.items():
                if route_path.startswith(f"{path}/routes/"):
                    group = route["properties"]["originGroup"]["id"].rpartition("/")[2].lower()
                    return _enabled(known, group)
        return []

    def _probe(self) -> None:
        while not self._is_over.wait(PROBE_S):
            known = self._door.effective()
            groups = {path.strip("/").split("/")[1] for path in known if "/origins/" in path}
            for origin in [each for group in groups for each in _enabled(known, group)]:
                self._healthy[origin["name"]] = self._is_well(origin["properties"])

    def _is_well(self, origin: dict[str, Any]) -> bool:
        address = self._resolve(origin["hostName"], origin["httpPort"])
        if address is None:
            return False
        asked = Asked("GET", "/readyz", {}, {}, b"")
        for _ in range(2):  # one lost probe is no illness
            try:
                if forward(asked, address, "/readyz", {"host": origin["hostName"]}).status == 200:
                    return True
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
        return False


def _enabled(known: dict[str, Any], group: str) -> list[dict[str, Any]]:
    start = f"/origingroups/{group}/origins/"
    return [
        each for path, each in known.items()
        if path.startswith(start) and each["properties"].get("enabledState") == "Enabled"
    ]  # fmt: skip
