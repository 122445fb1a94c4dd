"""Where the steps run. Chosen here, and only here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tasks.errors import Refused
from tasks.findings import Finding
from tasks.ports import Backend

NAMES = ("local", "azure")


def choose(name: str) -> Backend:
    """
    The backend of that name, ready to use; its libraries are imported now, not before.

    Raises:
        Refused: there is no backend of that name.
    """
    if name == "local":
        from tasks.backends.local import local_backend

        return local_backend()
    if name == "azure":
        with _installed():
            from tasks.backends.azure import azure_backend
        return azure_backend()
    raise Refused(f"unknown backend {name!r}; choose one of: {', '.join(NAMES)}")


def examine() -> list[Finding]:
    """
    What the azure backend needs, looked at in the cloud.

    Raises:
        Refused: settings are missing or wrong.
    """
    with _installed():
        from tasks.backends.azure.health import examine_cloud
    return examine_cloud()


@contextlib.contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise Refused(f"the azure backend lacks {error.name}; install it: make .venv/azure"
                      ) from error  # fmt: skip
