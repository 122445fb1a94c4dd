"""Where the steps run. Chosen here, and only here."""

from __future__ import annotations

from tasks.errors import Refused
from tasks.ports import Backend

NAMES = ("local",)


def choose(name: str) -> Backend:
    """
    The backend of that name, ready to use; its libraries are imported now, not before.

    Raises:
        Refused: there is no backend of that name.
    """
    if name != "local":
        raise Refused(f"unknown backend {name!r}; choose one of: {', '.join(NAMES)}")
    from tasks.backends.local import local_backend

    return local_backend()
