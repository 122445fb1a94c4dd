"""
Azure Front Door, its edge: a reverse proxy that honours weights, priorities, states and probes.

Where no origin is healthy it answers 503; the real one then tries any that is enabled. It repeats
no request that may have been processed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

import httpcore
import uvicorn
import uvloop

from tests.cloud.front_door.edge_answers import Edged
from tests.cloud.front_door.edge_map import drawn
from tests.cloud.front_door.management import FrontDoor
from tests.cloud.front_door.origin_probes import Probes
from tests.cloud.wire.authority import Authority
from tests.cloud.wire.faults import Faults
from tests.cloud.wire.proxy import Resolve
from tests.cloud.wire.record import Record

LOOK_S = 0.05  # how often it looks at what it is to know
IDLE_S = 1.0  # a connection to an origin is kept that long: less than any server keeps it


class Edge:
    """
    https://….z01.azurefd.net.

    Args:
        resolve: an origin's host and port → where it is on this machine.

    Attributes:
        sent: requests by name of the origin that got them.
        faults: that callers of the edge meet.
        probes: of the origins; its ``pause_s`` may be changed.
        address: where it answers.
    """

    def __init__(
        self, door: FrontDoor, authority: Authority, record: Record, resolve: Resolve
    ) -> None:
        self._door = door
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=None, max_keepalive_connections=64, keepalive_expiry=IDLE_S
        )
        self.probes, self.faults = Probes(resolve, self._pool), Faults()
        self._edged = Edged(self._pool, self.probes, self.faults, record, resolve)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address: tuple[str, int] = ("127.0.0.1", self._listener.getsockname()[1])
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._edged, http="httptools", ws="none", loop="none", lifespan="off",
                log_config=None, access_log=False, proxy_headers=False, server_header=False,
                date_header=False, timeout_keep_alive=120, timeout_graceful_shutdown=2,
                ssl_certfile=authority.certificate, ssl_keyfile=authority.key,
            )
        )  # fmt: skip
        self._thread = threading.Thread(target=self._run, name="edge", daemon=True)
        self._thread.start()

    @property
    def sent(self) -> dict[str, int]:
        return self._edged.sent

    def close(self) -> None:
        """Answer what is in flight, and no more."""
        self._server.should_exit = True
        self._thread.join(timeout=10)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with self._pool:
            tasks = [asyncio.create_task(each) for each in (self._look(), self.probes.run())]
            try:
                await self._server.serve(sockets=[self._listener])
            finally:
                for task in tasks:
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task

    async def _look(self) -> None:
        while True:
            self._edged.known = drawn(self._door.state.effective())
            self.probes.follow(self._edged.known)
            await asyncio.sleep(LOOK_S)
