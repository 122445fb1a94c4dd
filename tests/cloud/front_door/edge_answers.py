"""What the edge of Front Door does with a request: to an origin of its route, and back."""

from __future__ import annotations

import asyncio
from typing import Any

import httpcore

from tests.cloud.front_door.edge_exchange import HOP, Exchange, Receive, Scope, Send, without
from tests.cloud.front_door.edge_map import EdgeMap
from tests.cloud.front_door.origin_probes import Probes
from tests.cloud.wire.faults import Faults
from tests.cloud.wire.proxy import Resolve
from tests.cloud.wire.record import Record

MOST = 16 * 2**20  # bytes of a request
AWAY = (
    "<h2>Our services aren't available right now</h2><p>We're working to restore all services as "
    "soon as possible. Please check back soon.</p>"
)
NOWHERE = "<h2>Page not found</h2><p>The page that you requested was not found.</p>"


class Edged:
    """
    The edge as an ASGI application.

    Attributes:
        known: what leads where.
        sent: requests by name of the origin that got them.
    """

    def __init__(
        self, pool: httpcore.AsyncConnectionPool, probes: Probes, faults: Faults, record: Record,
        resolve: Resolve,
    ) -> None:  # fmt: skip
        self._pool, self._probes, self._resolve = pool, probes, resolve
        self._faults, self._record = faults, record
        self.known = EdgeMap({})
        self.sent: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send, self._record)
        fault = self._faults.meet(exchange.method, exchange.target.decode("latin-1"))
        if fault is None:
            await self._serve(exchange)
            return
        await asyncio.sleep(fault.delay_s)
        if fault.when == "after":
            await self._serve(Exchange(scope, receive, _unheard, None))
        await exchange.meet(fault)

    async def _serve(self, exchange: Exchange) -> None:
        if await exchange.read(MOST):
            await self._answer(exchange)
        else:
            await exchange.say(413, "<h2>The request is too large</h2>")

    async def _answer(self, exchange: Exchange) -> None:
        route = self.known.route(exchange.host, exchange.path)
        if route is None:
            await exchange.say(404, NOWHERE)
            return
        origin = route.group.chosen(self._probes.is_healthy)
        port = (origin.https_port if route.is_by_tls else origin.http_port) if origin else 0
        address = self._resolve(origin.host, port) if origin else None
        if origin is None or address is None:
            await exchange.say(503, AWAY)
            return
        self.sent[origin.name] = self.sent.get(origin.name, 0) + 1
        scheme = b"https" if route.is_by_tls else b"http"
        await self._hand_on(exchange, exchange.request(origin, scheme, address))

    async def _hand_on(self, exchange: Exchange, request: httpcore.Request) -> None:
        try:
            given = await self._pool.handle_async_request(request)
        except httpcore.TimeoutException:
            await exchange.say(504, AWAY)
            return
        except (httpcore.NetworkError, httpcore.ProtocolError):
            await exchange.say(503, AWAY)
            return
        try:
            await exchange.begin(given.status, without(given.headers, HOP))
            async for part in given.aiter_stream():
                await exchange.tell(part)
            await exchange.tell(b"", more=False)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
            return  # an answer that is not ended: the server drops the connection
        finally:
            await given.aclose()


async def _unheard(_: dict[str, Any]) -> None:
    """An answer that is lost."""
