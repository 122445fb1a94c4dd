"""A site before the storage emulator: what is said there can be recorded, and made to fail."""

from __future__ import annotations

import http.client
import socket
import ssl

from tests.cloud.subscription.azurite import Azurite
from tests.cloud.wire.authority import Authority
from tests.cloud.wire.record import Record
from tests.cloud.wire.site import Answer, Asked, Site

OWN = {"connection", "transfer-encoding", "keep-alive"}  # of one connection, not of the message


class Relay:
    """Hands every request on, as it came, and every answer back."""

    def __init__(self, storage: Azurite, authority: Authority, record: Record) -> None:
        self._storage = storage
        self._host = storage.url.removeprefix("https://")
        self._context = ssl.create_default_context(cafile=str(authority.bundle))
        self.site = Site("blob", authority, record, self._hand_on)

    def _hand_on(self, asked: Asked) -> Answer:
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
