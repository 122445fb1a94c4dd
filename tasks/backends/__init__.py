"""Where the steps run. Chosen here, and only here."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from tasks.errors import Refused
from tasks.findings import Finding
from tasks.ports import Backend

NAMES = ("local", "azure")
NAMED = re.compile(r"(?P<name>local|azure)(?::(?P<environment>[a-z0-9][a-z0-9-]{0,30}))?")


def choose(name: str) -> Backend:
    """
    The backend of that name, ready to use; its libraries are imported now, not before.

    Args:
        name: such as azure, or azure:prod for the environment whose settings .env.prod holds.

    Raises:
        Refused: there is no backend of that name.
    """
    backend, environment = parted(name)
    if backend == "local":
        from tasks.backends.local import local_backend

        return local_backend()
    with _installed():
        from tasks.backends.azure import azure_backend
    return azure_backend(environment)


def parted(name: str) -> tuple[str, str]:
    """
    The backend, and the environment if one is named.

    Raises:
        Refused: there is no backend of that name.
    """
    found = NAMED.fullmatch(name)
    if found is None or (found["name"] == "local" and found["environment"]):
        known = ", ".join(NAMES)
        raise Refused(f"unknown backend {name!r}; choose one of: {known}; an environment of Azure "
                      "is named as in azure:prod")  # fmt: skip
    return found["name"], found["environment"] or ""


def examine(environment: str = "") -> list[Finding]:
    """
    What the azure backend needs, looked at in the cloud.

    Args:
        environment: the name of one, if there are several.

    Raises:
        Refused: settings are missing or wrong.
    """
    with _installed():
        from tasks.backends.azure.health import examine_cloud
    return examine_cloud(environment)


@contextlib.contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise Refused(f"the azure backend lacks {error.name}; install it: make .venv/azure"
                      ) from error  # fmt: skip
