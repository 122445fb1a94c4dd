"""Errors of Azure and Databricks in our three kinds, translated once, ``from error``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from json import JSONDecodeError
from typing import Any

from model.image_files import StorageIll
from tasks.errors import Refused, Transient

LATER = {408, 409, 429, 500, 502, 503, 504}
CURES = {
    401: "log in again (az login), or look at the identity: python -m flows doctor",
    403: "the identity may not do this; docs/azure.md lists the roles that it needs",
}


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """
    Say ``what`` failed, and whether it may work later.

    Raises:
        Transient: throttled, unreachable, or ill: the same call may work later.
        Refused: it was asked for something that cannot be, or may not be.
    """
    from azure.core.exceptions import (
        AzureError,
        ClientAuthenticationError,
        HttpResponseError,
        ServiceRequestError,
        ServiceResponseError,
    )
    from databricks.sdk.errors.base import DatabricksError
    from requests import RequestException

    try:
        yield
    except (Refused, Transient):
        raise
    except StorageIll as error:
        raise _of_storage(what, error) from error
    except ClientAuthenticationError as error:
        raise Refused(f"{what}: no identity was accepted: {_tried(error)}; {CURES[401]}"
                      ) from error  # fmt: skip
    except HttpResponseError as error:
        raise _kind(what, error.status_code or 0, _message(error), _after(error)) from error
    except (ServiceRequestError, ServiceResponseError) as error:
        raise Transient(f"{what}: not reached: {_first_line(error)}") from error
    except DatabricksError as error:
        raise _kind(what, _status(error), _first_line(error), error.retry_after_secs or 0.0
                    ) from error  # fmt: skip
    except JSONDecodeError as error:  # a proxy in between answers in its own words
        raise Transient(f"{what}: the answer is not one of that service ({error})") from error
    except (RequestException, TimeoutError, ConnectionError) as error:
        raise Transient(f"{what}: not reached: {_first_line(error)}") from error
    except AzureError as error:
        raise Transient(f"{what}: {_first_line(error)}") from error


def _of_storage(what: str, error: StorageIll) -> Exception:
    """What lies behind it, if that is of a kind that is known here."""
    if error.__cause__ is not None:
        try:
            with told(what):
                raise error.__cause__
        except (Refused, Transient) as found:
            return found
        except Exception:  # noqa: BLE001 (what it was is said all the same)
            return Transient(f"{what}: {error}")
    return Transient(f"{what}: {error}")


def _kind(what: str, status: int, message: str, after_s: float) -> Exception:
    if status in LATER:
        return Transient(f"{what}: {message} (HTTP {status})", retry_after_s=after_s)
    cure = f"; {CURES[status]}" if status in CURES else ""
    return Refused(f"{what}: {message} (HTTP {status}){cure}")


def _status(error: Any) -> int:
    """The SDK's errors carry no status: their types do."""
    from databricks.sdk.errors.platform import STATUS_CODE_MAPPING

    for status, kind in STATUS_CODE_MAPPING.items():
        if isinstance(error, kind):
            return int(status)
    return 500


def _message(error: Any) -> str:
    inner = getattr(error, "error", None)
    return str(getattr(inner, "message", None) or _first_line(error))


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _tried(error: BaseException) -> str:
    """Why each kind of identity failed, a line each; only one of them is the user's."""
    lines = [line for line in str(error).splitlines() if line.startswith("\t")]
    return "".join(f"\n  ·{line.expandtabs(1)}" for line in lines) or _first_line(error)


def _after(error: Any) -> float:
    headers = getattr(error.response, "headers", {}) or {}
    with contextlib.suppress(ValueError):
        return float(headers.get("Retry-After", 0))
    return 0.0
