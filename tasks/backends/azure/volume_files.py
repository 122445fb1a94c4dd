"""
Images in a Unity Catalog volume, as a file system of fsspec, by Databricks' Files API.

On a cluster ``/Volumes/…`` is a folder like any other; everywhere else it is reached by this, under
``volumes://[<environment>@]<catalog>/<schema>/<volume>/…``.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import fsspec
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from tasks.backends.azure.failures import told

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

FOLDER: Final = "/Volumes/"  # as a cluster names them
SCHEME: Final = "volumes://"
WHERE: Final = re.compile(r"^volumes://(?:(?P<environment>[^/@]*)@)?")
AT_ONCE = 16  # files that are asked for together
BLOCK = 4 << 20  # bytes of a large file that are asked for together


class VolumeFiles(AbstractFileSystem):  # type: ignore[misc] # it has no types
    """
    Read only. Paths are those of a cluster: ``/Volumes/<catalog>/<schema>/<volume>/…``.

    Who it is, and where, comes from the settings; so a copy in another process works as well.

    Args:
        environment: whose settings; in a URI, what stands before an @.
    """

    protocol = "volumes"

    def __init__(self, environment: str = "", **words: Any) -> None:
        super().__init__(**words)
        self._environment = environment

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        below = WHERE.sub("", path).removeprefix(FOLDER).strip("/")
        return f"{FOLDER}{below}"

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, str]:
        found = WHERE.match(path)
        return {"environment": found["environment"]} if found and found["environment"] else {}

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """What lies in a folder; a file is in itself. Raises FileNotFoundError."""
        from databricks.sdk.errors import NotFound

        path = self._strip_protocol(path)
        with told(f"listing {path}"):
            try:
                found = [_entry(each) for each in self._client.files.list_directory_contents(path)]
            except NotFound:
                found = [self.info(path)]
        return found if detail else [each["name"] for each in found]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Kind and size. Raises FileNotFoundError."""
        from databricks.sdk.errors import NotFound

        path = self._strip_protocol(path)
        with told(f"looking for {path}"):
            try:
                found = self._client.files.get_metadata(path)
            except NotFound:
                try:
                    self._client.files.get_directory_metadata(path)
                except NotFound as error:
                    raise FileNotFoundError(path) from error
                return {"name": path, "type": "directory", "size": 0}
        return {
            "name": path, "type": "file", "size": found.content_length,
            "changed": found.last_modified,
        }  # fmt: skip

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        """Bytes of a file, from ``start`` to before ``end``. Raises FileNotFoundError."""
        from databricks.sdk.errors import NotFound

        path = self._strip_protocol(path)
        headers = {"Accept": "application/octet-stream"}
        if start is not None or end is not None:
            last = "" if end is None else str(end - 1)
            headers["Range"] = f"bytes={start or 0}-{last}"
        with told(f"reading {path}"):
            try:
                found = self._client.api_client.do(
                    "GET", f"/api/2.0/fs/files{quote(path)}", headers=headers, raw=True
                )
            except NotFound as error:
                raise FileNotFoundError(path) from error
            with found["contents"] as stream:
                return bytes(stream.read())

    def cat_ranges(
        self, paths: list[str], starts: Any, ends: Any, max_gap: int | None = None,
        on_error: str = "return", **_: Any,
    ) -> list[bytes | Exception]:  # fmt: skip
        """Of many files at once: the way there and back is long."""

        def one(path: str, start: int | None, end: int | None) -> bytes | Exception:
            try:
                return self.cat_file(path, start, end)
            except Exception as error:
                if on_error == "raise":
                    raise
                return error  # which the caller looks at

        def each(given: Any) -> list[Any]:
            return given if isinstance(given, list) else [given] * len(paths)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(one, paths, each(starts), each(ends)))

    def ukey(self, path: str) -> str:
        """Changes when the file does."""
        return str(sorted(self.info(path).items()))

    def _open(self, path: str, mode: str = "rb", **words: Any) -> Any:
        if mode != "rb":
            raise NotImplementedError(f"{path} can be read only")
        words.pop("cache_options", None)
        return VolumeFile(self, path, **{**words, "block_size": BLOCK})

    @cached_property
    def _client(self) -> WorkspaceClient:
        from tasks.backends.azure.clients import Clients

        return Clients.open(self._environment).databricks


class VolumeFile(AbstractBufferedFile):  # type: ignore[misc] # it has no types
    """One file, read in blocks."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        return bytes(self.fs.cat_file(self.path, start, end))


def _entry(found: Any) -> dict[str, Any]:
    kind = "directory" if found.is_directory else "file"
    return {"name": str(found.path).rstrip("/"), "type": kind, "size": found.file_size or 0}


def for_here(uri: str, environment: str = "") -> str:
    """The URI under which images that a cluster sees at ``uri`` are found from anywhere."""
    if not uri.startswith((FOLDER, SCHEME)):
        return uri
    where = f"{environment}@" if environment else ""
    return f"{SCHEME}{where}{WHERE.sub('', uri).removeprefix(FOLDER)}"


def for_cluster(uri: str) -> str:
    """The path at which a cluster sees the images of ``uri``."""
    return WHERE.sub(FOLDER, uri)


fsspec.register_implementation(VolumeFiles.protocol, VolumeFiles)
