"""Errors as RFC 9457 says: ``application/problem+json``, with the way out in ``detail``."""

from __future__ import annotations

from http import HTTPStatus

RETRY_AFTER: tuple[tuple[bytes, bytes], ...] = ((b"retry-after", b"1"),)


class Problem(Exception):
    """Something that the caller can mend, or must wait for."""

    def __init__(
        self, status: int, detail: str, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers

    def described(self) -> dict[str, object]:
        """The members of the problem document."""
        return {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }


def overloaded(detail: str) -> Problem:
    """503: come again in a second."""
    return Problem(503, detail, RETRY_AFTER)
