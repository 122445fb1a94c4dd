"""Files in a Unity Catalog volume, by the Files API."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.backends.azure.failures import told

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


class Volume:
    """
    A folder of files.

    Args:
        root: ``/Volumes/<catalog>/<schema>/<volume>[/…]``.
    """

    def __init__(self, client: WorkspaceClient, root: str) -> None:
        self._client = client
        self.root = root

    def path(self, *parts: str) -> str:
        """As the API and a cluster name it."""
        return "/".join((self.root, *parts))

    def has(self, *parts: str) -> bool:
        """Is there such a file?"""
        from databricks.sdk.errors import NotFound

        with told(f"looking for {self.path(*parts)}"):
            try:
                self._client.files.get_metadata(self.path(*parts))
            except NotFound:
                return False
            return True

    def put(self, data: bytes, *parts: str) -> None:
        """Write a file, whole."""
        with told(f"writing {self.path(*parts)}"):
            self._client.files.upload(self.path(*parts), io.BytesIO(data), overwrite=True)

    def read(self, *parts: str) -> bytes | None:
        """What a file holds; ``None`` where there is none."""
        from databricks.sdk.errors import NotFound

        with told(f"reading {self.path(*parts)}"):
            try:
                found = self._client.files.download(self.path(*parts)).contents
            except NotFound:
                return None
            if found is None:
                return None
            with found as stream:
                return bytes(stream.read())

    def fetch(self, place: Path, *parts: str, but: tuple[str, ...] = ()) -> None:
        """Copy a folder to this machine, but for what begins so."""
        place.mkdir(parents=True, exist_ok=True)
        for name in self._files(*parts):
            if name.startswith(but):
                continue
            data = self.read(*parts, name)
            if data is not None:
                target = place / name
                target.parent.mkdir(parents=True, exist_ok=True)
                draft = target.with_name(f"{target.name}.part")
                draft.write_bytes(data)
                draft.replace(target)

    def remove(self, *parts: str) -> None:
        """Delete the files of a folder; one that is not there is no matter."""
        for name in self._files(*parts):
            self.delete(*parts, name)

    def delete(self, *parts: str) -> None:
        """Delete a file; one that is not there is no matter."""
        from databricks.sdk.errors import NotFound

        with told(f"deleting {self.path(*parts)}"), contextlib.suppress(NotFound):
            self._client.files.delete(self.path(*parts))

    def _files(self, *parts: str) -> Iterator[str]:
        """Names of files below a folder, by their path from it."""
        from databricks.sdk.errors import NotFound

        root = self.path(*parts)
        with told(f"listing {root}"):
            folders = [root]
            while folders:
                try:
                    found = list(self._client.files.list_directory_contents(folders.pop()))
                except NotFound:
                    continue
                for each in found:
                    path = str(each.path)
                    if each.is_directory:
                        folders.append(path.rstrip("/"))
                    else:
                        yield path.removeprefix(f"{root}/")
