"""One file of a class folder: whether it may be read, its bytes, and a name that can be printed."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Final

MOST_BYTES: Final = 1 << 30  # no image is larger; reading it would only fill the memory
NO_UTF8: Final = "its name is not UTF-8; rename it"


def is_local(system: Any) -> bool:
    """Does the system's own way to files serve?"""
    return "file" in system.protocol


def printable(name: str) -> str:
    r"""
    The name, with a code for each byte that is not UTF-8.

    >>> printable(b"caf\xe9.png".decode("utf-8", "surrogateescape"))
    'caf\\xe9.png'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def scan(system: Any, folder: str) -> list[tuple[str, str, bool]]:
    """(name, path, whether a folder) of what lies in ``folder``, hidden files aside."""
    if is_local(system):  # a call of the system for each file would be slow for a million
        with os.scandir(folder) as found:
            rows = [(entry.name, entry.path, entry.is_dir()) for entry in found]
    else:
        rows = [
            (entry["name"].rstrip("/").rpartition("/")[2], entry["name"], entry["type"] != "file")
            for entry in system.ls(folder, detail=True)
        ]
    return sorted(row for row in rows if not row[0].startswith("."))


def fault_of(system: Any, path: str, root: str) -> str | None:
    """Why the file or folder must not be read, by its name alone; a link out is never followed."""
    if printable(path) != path:
        return NO_UTF8
    if not is_local(system) or not Path(path).is_symlink():
        return None
    target = os.path.realpath(path)
    inside = os.path.realpath(root)
    if not Path(target).exists():
        return "symlink to nothing"
    return None if target.startswith(inside + os.sep) else "symlink out of the folder"


def bytes_of(system: Any, path: str) -> tuple[bytes, str | None]:
    """The bytes of a file; none, and why, if they cannot or must not be had."""
    try:
        if is_local(system):
            found = os.stat(path)  # noqa: PTH116 (hot path)
            if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for without end
                return b"", "not a regular file"
            if found.st_size > MOST_BYTES:
                return b"", f"too large: {found.st_size:,} bytes, at most {MOST_BYTES:,}"
            with open(path, "rb") as stream:  # noqa: PTH123 (hot path)
                return stream.read(), None
        data: bytes = system.cat_file(path)
    except OSError as error:
        return b"", f"unreadable: {error.strerror or error}"
    return data, None
