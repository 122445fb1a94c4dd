"""Asking a Prefect server that may be away for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import httpx

from flows.cli import UsageError
from tasks.errors import Transient

T = TypeVar("T")
PAUSE_S = 2.0
PATIENCE_S = 600.0
PASSING = (408, 429)  # and all from 500 on


def patiently(ask: Callable[[], T], patience_s: float = PATIENCE_S) -> T:
    """
    What the server says, once it is there again.

    Raises:
        Transient: it was away for too long, or it has no such run any more.
        UsageError: its address cannot be one.
    """
    until = time.monotonic() + patience_s
    while True:
        try:
            return ask()
        except httpx.HTTPStatusError as error:
            code = error.response.status_code
            if code < 500 and code not in PASSING:
                raise
            said = f"it says {code}"
        except httpx.UnsupportedProtocol as error:
            raise UsageError(f"PREFECT_API_URL has to begin with http:// or https://: {error}"
                             ) from error  # fmt: skip
        except httpx.TransportError as error:
            said = str(error) or type(error).__name__
        if time.monotonic() > until:
            raise Transient(f"Prefect's server was away for {patience_s:g} s: {said}")
        time.sleep(PAUSE_S)
