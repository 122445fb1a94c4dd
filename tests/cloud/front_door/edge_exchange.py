"""One request at the edge, as it came and as an origin gets it, and the answer, part by part."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import httpcore

from tests.cloud.front_door.edge_map import Origin
from tests.cloud.front_door.shapes import FRONT_DOOR_ID
from tests.cloud.wire.faults import Fault
from tests.cloud.wire.record import Record

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
TIMEOUTS = {"connect": 5.0, "read": 60.0, "write": 60.0, "pool": 60.0}
HOP = {  # headers of one connection, not of the message
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization",
    b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
}  # fmt: skip
SET = {  # by the edge, whatever the caller says
    b"host", b"content-length", b"via", b"x-azure-fdid", b"x-azure-ref", b"x-azure-clientip",
    b"x-azure-socketip", b"x-azure-requestchain", b"x-forwarded-for", b"x-forwarded-host",
    b"x-forwarded-proto",
}  # fmt: skip


class Exchange:
    """
    One request and its answer.

    Args:
        record: where it is noted once its answer begins, if it is.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, record: Record | None) -> None:
        self._receive, self._send, self._record = receive, send, record
        self.method: str = scope["method"]
        self._headers: Headers = list(scope["headers"])
        query: bytes = scope["query_string"]
        self.path: str = scope["path"]
        self.target: bytes = scope["raw_path"] + (b"?" + query if query else b"")
        self._given_host = dict(self._headers).get(b"host", b"")
        self.host = self._given_host.decode("latin-1").partition(":")[0]
        self._client: bytes = (scope["client"] or ("127.0.0.1", 0))[0].encode()
        self._mark, self._body = uuid.uuid4().hex, b""

    async def read(self, most: int) -> bool:
        """The body; ``False`` if it has more bytes than that."""
        parts, size, more = [], 0, True
        while more:
            message = await self._receive()
            parts.append(message.get("body", b""))
            size, more = size + len(parts[-1]), message.get("more_body", False)
            if size > most:
                return False
        self._body = b"".join(parts)
        return True

    def request(self, origin: Origin, scheme: bytes, address: tuple[str, int]) -> httpcore.Request:
        """What the origin is asked."""
        came = [value for name, value in self._headers if name == b"x-forwarded-for"]
        headers = [
            (b"Host", origin.host_header.encode() or self._given_host),
            *without(self._headers, HOP | SET),
            (b"Via", b"1.1 Azure"),
            (b"X-Azure-FDID", FRONT_DOOR_ID.encode()), (b"X-Azure-Ref", self._mark.encode()),
            (b"X-Azure-ClientIP", self._client), (b"X-Azure-SocketIP", self._client),
            (b"X-Azure-RequestChain", b"hops=1"),
            (b"X-Forwarded-For", b", ".join([*came, self._client])),
            (b"X-Forwarded-Host", self._given_host), (b"X-Forwarded-Proto", b"https"),
        ]  # fmt: skip
        if self._body or self.method in ("POST", "PUT", "PATCH"):
            headers.append((b"Content-Length", str(len(self._body)).encode()))
        url = httpcore.URL(
            scheme=scheme, host=address[0].encode(), port=address[1], target=self.target
        )
        return httpcore.Request(
            self.method, url, headers=headers, content=self._body, extensions={"timeout": TIMEOUTS}
        )

    async def begin(self, status: int, headers: Headers) -> None:
        """Status and headers of the answer."""
        told = [*headers, (b"X-Azure-Ref", self._mark.encode()), (b"X-Cache", b"CONFIG_NOCACHE")]
        self._note(status, told)
        await self._send({"type": "http.response.start", "status": status, "headers": told})

    async def tell(self, part: bytes, *, more: bool = True) -> None:
        """A part of the answer, or its end."""
        await self._send({"type": "http.response.body", "body": part, "more_body": more})

    async def say(self, status: int, page: str) -> None:
        """The edge's own words."""
        body = f"{page}<p>Ref A: {self._mark}</p>".encode()
        size = str(len(body)).encode()
        await self.begin(status, [(b"Content-Type", b"text/html"), (b"Content-Length", size)])
        await self.tell(body, more=False)

    async def meet(self, fault: Fault) -> None:
        """Answer as the fault wants; with no status the answer breaks off before its body."""
        if fault.status is None:
            self._note(None, [])
            head = {"type": "http.response.start", "status": 200, "headers": [
                (b"Content-Length", b"1")]}  # fmt: skip
            await self._send(head)
            return
        headers = [(name.encode(), value.encode()) for name, value in fault.headers.items()]
        body = str(fault.body or "").encode()
        await self.begin(fault.status, [*headers, (b"Content-Length", str(len(body)).encode())])
        await self.tell(body, more=False)

    def _note(self, status: int | None, headers: Headers) -> None:
        if self._record:
            self._record.note(
                "edge", self.method, self.target.decode("latin-1"),
                (_texts(self._headers), len(self._body)), (status, _texts(headers), None),
            )  # fmt: skip


def without(headers: Iterable[tuple[bytes, bytes]], names: set[bytes]) -> Headers:
    """Those that are not named; nor by ``Connection``, which names those of one connection."""
    given = list(headers)
    more = {
        each.strip().lower()
        for name, value in given
        if name.lower() == b"connection"
        for each in value.split(b",")
    }
    return [(name, value) for name, value in given if name.lower() not in names | more]


def _texts(headers: Headers) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
