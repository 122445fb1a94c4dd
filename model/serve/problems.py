"""Errors as RFC 9457 says: ``application/problem+json``, with the way out in ``detail``."""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class Problem(Exception):
    """Something that the caller can mend."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """The answer for a problem."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def on_problem(_request: Request, error: Problem) -> Response:
    """Answer a ``Problem``."""
    return problem(error.status, error.detail, error.headers)


async def on_http(request: Request, error: HTTPException) -> Response:
    """Answer an unknown path or method."""
    details = {
        404: f"there is nothing at {request.url.path}; /docs lists what there is",
        405: f"{request.url.path} does not answer {request.method}; /docs lists what it answers",
    }
    detail = details.get(error.status_code, error.detail)
    return problem(error.status_code, detail, dict(error.headers or {}))


async def on_bug(_request: Request, _error: Exception) -> Response:
    """Answer a bug of ours without its inner parts; the log has the traceback."""
    return problem(500, "the service failed; its log has the traceback under this request id")
