"""Files of a class folder: whether they may be read, their bytes, and names that can be printed."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

MOST_BYTES: Final = 1 << 30  # no image is larger; reading it would only fill the memory
NO_UTF8: Final = "its name is not UTF-8; rename it"
OF_THE_FILE: Final = {
    errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP,
    errno.ENAMETOOLONG,
}  # fmt: skip
NOT_ITS_OWN: Final = {"builtins", "model", "data_checks", "pyarrow"}  # no storage's errors
FORBIDDEN: Final = {401, 403}


class StorageIll(OSError):
    """
    The storage of the images does not answer as it should; the same again may go well.

    It has words alone, so that it can travel from process to process.
    """


class Found(NamedTuple):
    """
    What lies in a folder.

    Attributes:
        size: in bytes, where the listing tells it: of remote files alone.
        mark: changes whenever the content does (an ETag); empty where there is none.
    """

    name: str
    path: str
    is_folder: bool
    size: int = 0
    mark: str = ""


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


def scan(system: Any, folder: str) -> list[Found]:
    """What lies in ``folder``, hidden files aside."""
    if is_local(system):  # a call of the system for each file would be slow for a million
        with os.scandir(folder) as entries:
            rows = [Found(entry.name, entry.path, entry.is_dir()) for entry in entries]
    else:
        rows = [
            Found(
                entry["name"].rstrip("/").rpartition("/")[2], entry["name"],
                entry["type"] != "file", entry.get("size") or 0, entry.get("etag") or "",
            )
            for entry in system.ls(folder, detail=True)
        ]  # fmt: skip
    return sorted(row for row in rows if not row.name.startswith("."))


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


def too_large(size: int) -> str | None:
    """The fault of a file of ``size`` bytes, if that is one."""
    return f"too large: {size:,} bytes, at most {MOST_BYTES:,}" if size > MOST_BYTES else None


def bytes_of(system: Any, paths: list[str]) -> list[tuple[bytes, str | None]]:
    """
    The bytes of each file; none, and why, if they cannot or must not be had.

    Remote files are asked for all at once: the way there and back is paid for once, not for each.
    """
    if is_local(system):
        return [_bytes_here(path) for path in paths]
    with answering(f"{len(paths)} files from {paths[0]} on"):
        found = system.cat_ranges(paths, None, None, on_error="return")
    return [_judged(path, each) for path, each in zip(paths, found, strict=True)]


@contextlib.contextmanager
def answering(what: str) -> Iterator[None]:
    """
    While ``what`` is read.

    Raises:
        StorageIll: for what has to do with the storage and not with the file, ``from`` that.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, StorageIll) or not _is_passing(error):
            raise
        raise StorageIll(f"{what}: {error.strerror or _first_line(error)}") from error
    except Exception as error:
        if isinstance(error, ValueError) or _home(error) in NOT_ITS_OWN:
            raise
        raise StorageIll(f"{what}: {_first_line(error)}") from error


def is_forbidden(error: StorageIll) -> bool:
    """Did the storage refuse us? The same again would end likewise."""
    cause = error.__cause__
    status = getattr(cause, "status_code", None)
    return status in FORBIDDEN or type(cause).__name__ == "ClientAuthenticationError"


def _bytes_here(path: str) -> tuple[bytes, str | None]:
    try:
        found = os.stat(path)  # noqa: PTH116 (hot path)
        if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for without end
            return b"", "not a regular file"
        if fault := too_large(found.st_size):
            return b"", fault
        with open(path, "rb") as stream:  # noqa: PTH123 (hot path)
            return stream.read(), None
    except OSError as error:
        return b"", _fault(path, error)


def _judged(path: str, found: bytes | Exception) -> tuple[bytes, str | None]:
    """What the storage gave."""
    if isinstance(found, OSError):
        return b"", _fault(path, found)
    if isinstance(found, Exception):
        with answering(path):
            raise found
    return found, None


def _fault(path: str, error: OSError) -> str:
    """Of the file itself. Raises StorageIll: it is none, and another try may go well."""
    if _is_passing(error):
        with answering(path):
            raise error
    return f"unreadable: {error.strerror or error}"


def _is_passing(error: OSError) -> bool:
    """Is it none of the file? Arrow and fsspec say what is wrong with a file without a number."""
    if isinstance(error, TimeoutError | ConnectionError | StorageIll):
        return True
    return error.errno is not None and error.errno not in OF_THE_FILE


def _home(error: Exception) -> str:
    """The package that defines it."""
    return type(error).__module__.partition(".")[0]


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
