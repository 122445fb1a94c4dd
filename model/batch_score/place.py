"""Where scores lie: a folder of this machine, a volume that is mounted, or a URL for fsspec."""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path
from typing import Any

from model.batch_score.whole import DRAFT, copy_whole, replace_whole, settle
from model.image_files import is_local

VOLUMES = ("/Volumes/", "/dbfs/")  # of Databricks: what is renamed there is copied, bit by bit
REFUSED = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST,
    errno.ENAMETOOLONG,
}  # fmt: skip


class BadPlace(ValueError):
    """A place where scores cannot be kept; the message says why, and what would do."""


class StorageFailed(Exception):
    """The storage did not do what it was asked; the same command goes on once it does."""


class Place:
    """
    Files below ``uri``, each whole or not there.

    Raises:
        BadPlace: fsspec knows no such place.
    """

    def __init__(self, uri: str) -> None:
        import fsspec

        try:
            self._system, root = fsspec.core.url_to_fs(uri)
        except (ValueError, ImportError, OSError) as error:
            raise BadPlace(f"{uri} is no place for scores: {error}") from error
        self.uri, self.root = uri.rstrip("/"), root.rstrip("/")
        self.is_here = is_local(self._system)

    def is_on(self, system: Any) -> bool:
        """Is that file system this one?"""
        return bool(self._system.protocol == system.protocol)

    def begin(self, folder: str) -> None:
        """Make a folder. Raises BadPlace, StorageFailed."""
        with self._told(folder):
            try:
                self._system.makedirs(f"{self.root}/{folder}", exist_ok=True)
            except FileNotFoundError as error:  # /proc says so
                raise PermissionError(errno.EACCES, "no folder can be made there") from error

    def names(self, folder: str) -> dict[str, int]:
        """Names and sizes of the files in ``folder``; drafts are left out."""
        self._system.invalidate_cache()
        with self._told(folder):
            try:
                listed: list[dict[str, Any]] = self._system.ls(f"{self.root}/{folder}", detail=True)
            except FileNotFoundError:
                return {}
        files = {each["name"].rpartition("/")[2]: each["size"] or 0
                 for each in listed if each["type"] == "file"}  # fmt: skip
        return {name: size for name, size in files.items() if not name.endswith(DRAFT)}

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; ``None`` if it is not there."""
        with self._told(name):
            try:
                return bytes(self._system.cat_file(f"{self.root}/{name}"))
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        """Write a file, or replace it, in one step; see ``settle``."""
        path = f"{self.root}/{name}"
        with self._told(name):
            if not self.is_here:
                self._system.pipe_file(path, data)
            elif path.startswith(VOLUMES):
                copy_whole(data, Path(path))
            else:
                replace_whole(data, Path(path))

    def move(self, name: str, to: str) -> None:
        """Give a file another name; where that is not one step, both may be there for a moment."""
        if self.is_here and not f"{self.root}/".startswith(VOLUMES):
            with self._told(name):
                Path(self.root, name).replace(Path(self.root, to))
            return
        data = self.read(name)
        if data is None:
            raise StorageFailed(f"{self.uri}/{name} is gone: does another program work there?")
        self.write(to, data)
        self.remove(name)

    def end(self, folder: str) -> None:
        """Remove a folder that is empty; where folders are but names, there is none."""
        if self.is_here:
            with contextlib.suppress(OSError):
                Path(self.root, folder).rmdir()

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone already is fine."""
        with self._told(name), contextlib.suppress(FileNotFoundError):
            self._system.rm_file(f"{self.root}/{name}")

    def clear(self, folder: str) -> None:
        """Remove the drafts that a kill left."""
        if self.is_here:
            with self._told(folder):
                for draft in Path(self.root, folder).glob(f".*{DRAFT}"):
                    draft.unlink(missing_ok=True)

    def settle(self, folder: str) -> None:
        """Return when the files stay what they are, also if the power goes."""
        place = Path(self.root, folder)
        if not self.is_here or f"{place}/".startswith(VOLUMES) or not place.is_dir():
            return
        with self._told(folder):
            for each in (*(path for path in place.iterdir() if path.is_file()), place):
                settle(each)

    @contextlib.contextmanager
    def _told(self, name: str) -> Any:
        """Whatever the storage raises, as one of two kinds."""
        what = f"{self.uri}/{name}"
        try:
            yield
        except FileNotFoundError as error:
            raise StorageFailed(f"{what} is gone: does another program work there?") from error
        except OSError as error:
            why = error.strerror or str(error)
            if error.errno in REFUSED:
                raise BadPlace(f"{what} cannot be written or read: {why}; give another --out"
                               ) from error  # fmt: skip
            raise StorageFailed(f"{what}: {why}; {_cure(error)}") from error
        except Exception as error:  # (each storage has kinds of its own)
            first = next(iter(str(error).splitlines()), type(error).__name__)
            raise StorageFailed(f"{what}: {first}; finished parts stay") from error


def _cure(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "make room, then the same command goes on: finished parts stay"
    return "the same command goes on: finished parts stay"
