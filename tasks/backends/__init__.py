"""Where the steps run. Chosen here, and only here."""

from __future__ import annotations

from tasks.errors import Refused
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
        try:
            from tasks.backends.azure import azure_backend
        except ModuleNotFoundError as error:
            raise Refused(f"the azure backend lacks {error.name}; install it: make .venv/azure"
                          ) from error  # fmt: skip
        return azure_backend()
    raise Refused(f"unknown backend {name!r}; choose one of: {', '.join(NAMES)}")
