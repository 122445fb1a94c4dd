"""Handing one request on to a server of this machine, and its answer back."""

from __future__ import annotations

import http.client

from tests.cloud.wire.site import Answer, Asked

OWN = {  # headers of one connection, not of the message
    "connection", "transfer-encoding", "keep-alive", "proxy-connection", "content-length", "host",
    "proxy-authorization", "te", "upgrade",
}  # fmt: skip
TIMEOUT_S = 30.0


def forward(asked: Asked, address: tuple[str, int], path: str, headers: dict[str, str]) -> Answer:
    """
    Ask the server at ``address``.

    Args:
        path: with its query.
        headers: that take the place of those that came.

    Raises:
        OSError, http.client.HTTPException: it did not answer.
    """
    there = http.client.HTTPConnection(*address, timeout=TIMEOUT_S)
    try:
        there.putrequest(asked.method, path, skip_host=True, skip_accept_encoding=True)
        sent = {k: v for k, v in asked.headers.items() if k not in OWN} | headers
        for name, value in sent.items():
            there.putheader(name, value)
        there.putheader("content-length", str(len(asked.raw)))
        there.endheaders(asked.raw)
        given = there.getresponse()
        told = {
            name.title(): value for name, value in given.getheaders() if name.lower() not in OWN
        }
        return Answer(given.status, given.read(), told)
    finally:
        there.close()
