"""A site before the storage emulator: what is said there can be recorded, and made to fail."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import replace

from tests.cloud.subscription.azurite import Azurite
from tests.cloud.wire.authority import Authority
from tests.cloud.wire.record import Record
from tests.cloud.wire.site import Answer, Asked, Site

LEASED = (
    b"<?xml version='1.0' encoding='utf-8'?><Error><Code>LeaseIdMissing</Code><Message>There is "
    b"currently a lease on the blob and no lease ID was specified in the request.</Message></Error>"
)
OWN = {"connection", "transfer-encoding", "keep-alive"}  # of one connection, not of the message


class Relay:
    """
    Hands every request on, as it came, and every answer back: but for one, in which the emulator
    differs from the service (github.com/Azure/Azurite/issues/2637).
    """

    def __init__(self, storage: Azurite, authority: Authority, record: Record) -> None:
        self._storage = storage
        self._host = storage.url.removeprefix("https://")
        self._context = ssl.create_default_context(cafile=str(authority.bundle))
        self.site = Site("blob", authority, record, self._hand_on)

    def _hand_on(self, asked: Asked) -> Answer:
        answer = self._exchanged(asked)
        if answer.headers.get("X-Ms-Error-Code") == "BlobAlreadyExists" and self._is_leased(asked):
            return Answer(412, LEASED, {**answer.headers, "X-Ms-Error-Code": "LeaseIdMissing"})
        return answer

    def _is_leased(self, asked: Asked) -> bool:
        if "x-ms-lease-id" in asked.headers or not asked.token:
            return False
        path = asked.url.partition("?")[0]
        headers = {k: v for k, v in asked.headers.items() if k != "if-none-match"}
        looked = self._exchanged(replace(asked, method="HEAD", url=path, headers=headers, raw=b""))
        return looked.headers.get("X-Ms-Lease-Status") == "locked"

    def _exchanged(self, asked: Asked) -> Answer:
        there = http.client.HTTPConnection(self._host)
        there.sock = self._context.wrap_socket(
            socket.create_connection(self._storage.address), server_hostname=self._host
        )
        try:
            there.putrequest(asked.method, asked.url, skip_host=True, skip_accept_encoding=True)
            for name, value in asked.headers.items():
                if name not in OWN and name != "content-length":
                    there.putheader(name, value)
            there.putheader("content-length", str(len(asked.raw)))
            there.endheaders(asked.raw)
            given = there.getresponse()
            headers = {
                name.title(): value for name, value in given.getheaders() if name.lower() not in OWN
            }
            return Answer(given.status, given.read(), headers)
        finally:
            there.close()
