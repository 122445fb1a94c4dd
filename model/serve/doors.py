"""Who may ask: keys, one way in, and pages of other origins (CORS). Others are shut by default."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from model.serve.captured import PATH as CAPTURED
from model.serve.exchange import Answer, Request
from model.serve.problems import CLOSE, Headers, Problem

PROBES = {"/healthz", "/readyz"}  # whoever runs the service asks these past every door
OPEN = {*PROBES, "/", "/docs", "/openapi.json", "/favicon.ico"}
WHO: Headers = ((b"www-authenticate", b"Bearer"), *CLOSE)
ALLOWED_HEADERS = b"authorization, content-type, x-request-id"


class Doors:
    """
    Args:
        keys: any of them opens; none: everything is open.
        origins: of pages that may ask from a browser, such as ``https://app.example.org``.
        only_with: name and value of a header that a gateway before the service adds: whoever comes
            past the gateway is sent away.
        readers: keys of those who may read captured traffic, and they alone.
    """

    def __init__(
        self,
        keys: Iterable[str] = (),
        origins: Iterable[str] = (),
        only_with: tuple[str, str] | None = None,
        readers: Iterable[str] = (),
    ) -> None:
        self._keys = [_digest(key.encode()) for key in keys]
        self._readers = [_digest(key.encode()) for key in readers]
        self._mark = only_with and (only_with[0].lower().encode(), _digest(only_with[1].encode()))
        self.origins = frozenset(origin.encode() for origin in origins)

    def admit(self, request: Request) -> None:
        """
        Compare with every key, in a time that tells nothing of any, nor of its length.

        Raises:
            Problem: 401, none that is valid came; 403, it came past the gateway.
        """
        if self._mark and request.path not in PROBES:
            name, value = self._mark
            if not hmac.compare_digest(_digest(request.headers.get(name, b"")), value):
                raise Problem(403, "ask at the public address of this service", CLOSE)
        keys = self._keys
        if self._readers and request.path.startswith(CAPTURED):
            keys = self._readers
        if not keys or request.path in OPEN:
            return
        kind, _, given = request.headers.get(b"authorization", b"").partition(b" ")
        digest = _digest(given.strip())
        found = [hmac.compare_digest(digest, key) for key in keys]
        if kind.lower() != b"bearer" or not any(found):
            raise Problem(401, "send a valid key: 'Authorization: Bearer KEY'", WHO)

    def is_preflight(self, request: Request) -> bool:
        """Does a browser ask whether a page of an allowed origin may ask?"""
        return request.headers.get(b"origin") in self.origins

    def preflight(self, request: Request, methods: Iterable[str]) -> Answer:
        """Say what such a page may ask."""
        allowed = ", ".join(methods).encode()
        headers: Headers = (
            (b"access-control-allow-methods", allowed),
            (b"access-control-allow-headers", ALLOWED_HEADERS),
            (b"access-control-max-age", b"600"),
        )
        return Answer(b"", status=204, headers=headers)

    def shared_with(self, request: Request) -> list[tuple[bytes, bytes]]:
        """Headers that let a page of an allowed origin read the answer."""
        origin = request.headers.get(b"origin")
        if origin not in self.origins or origin is None:
            return [(b"vary", b"origin")]
        exposed = b"x-model-name, x-model-version, x-model-digest, x-request-id, retry-after"
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", exposed),
            (b"vary", b"origin"),
        ]


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
