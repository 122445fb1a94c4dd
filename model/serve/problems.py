"""Errors as RFC 9457 says: ``application/problem+json``, with the way out in ``detail``."""

from __future__ import annotations

from http import HTTPStatus

Headers = tuple[tuple[bytes, bytes], ...]
RETRY_AFTER: Headers = ((b"retry-after", b"1"),)
CLOSE: Headers = ((b"connection", b"close"),)


class Problem(Exception):
    """Something that the caller can mend, or must wait for."""

    def __init__(self, status: int, detail: str, headers: Headers = ()) -> None:
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


def late_body(deadline_s: float) -> Problem:
    """408: the body did not come in time."""
    return Problem(408, f"the body did not come within {deadline_s:g} s", CLOSE)
