"""The container of what releases leave: records, reports, evidence, and the lock."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from tasks.backends.azure.failures import told
from tasks.errors import Transient
from tasks.ports import Watch

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, BlobLeaseClient, ContainerClient

LEASE_S = 30  # for so long a release that was killed keeps the next one out
RENEW_S, PATIENCE_S = 7.0, 5  # so that three renewals in a row may fail before a lease ends


class Lake:
    """Blobs by name; written whole or not at all, as blobs are."""

    def __init__(self, client: ContainerClient) -> None:
        self._client = client
        self._lost: set[str] = set()  # locks that are held no more by those inside

    def read(self, name: str) -> bytes | None:
        """What a blob holds; ``None`` where there is none."""
        from azure.core.exceptions import ResourceNotFoundError

        with told(f"reading {self._where(name)}"):
            try:
                return bytes(self._client.download_blob(name).readall())
            except ResourceNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        """
        Write a blob.

        Raises:
            Transient: a lock that is held was lost meanwhile: another may be at the same work.
        """
        if lost := min(self._lost, default=None):
            raise Transient(
                f"{self._where(f'locks/{lost}')} was lost: this machine slept, or did not reach "
                "Azure, for half a minute, and another command is at work; start again"
            )
        with told(f"writing {self._where(name)}"):
            self._client.upload_blob(name, data, overwrite=True)

    def keep(self, folder: Path, name: str) -> None:
        """Write the files of a folder below ``name``."""
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            self.write(f"{name}/{file.relative_to(folder).as_posix()}", file.read_bytes())

    def fetch(self, name: str, folder: Path) -> None:
        """Copy the blobs below ``name`` to a folder of this machine."""
        with told(f"listing {self._where(name)}"):
            found = [each.name for each in self._client.list_blobs(name_starts_with=f"{name}/")]
        for each in found:
            target = folder / each.removeprefix(f"{name}/")
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f"{target.name}.{uuid4().hex}.draft")
            draft.write_bytes(self.read(each) or b"")
            draft.replace(target)

    def sizes(self, name: str) -> dict[str, int]:
        """Bytes of each blob whose name begins so."""
        with told(f"listing {self._where(name)}"):
            return {each.name: each.size for each in self._client.list_blobs(name_starts_with=name)}

    def remove(self, name: str) -> None:
        """Delete a blob, if it is there."""
        from azure.core.exceptions import ResourceNotFoundError

        with told(f"deleting {self._where(name)}"), contextlib.suppress(ResourceNotFoundError):
            self._client.delete_blob(name)

    @contextlib.contextmanager
    def lock(self, name: str, what: str, watch: Watch, wait_s: float) -> Iterator[None]:
        """
        Let one at a time in, from whatever machine: by a lease, which ends with whoever holds it.

        Raises:
            Transient: another held it for all of ``wait_s``.
        """
        lease = self._acquire(f"locks/{name}", what, watch, wait_s)
        is_over = threading.Event()
        keeper = threading.Thread(
            target=self._keep_up, args=(name, lease, watch, is_over), daemon=True
        )
        keeper.start()
        try:
            yield
        finally:
            is_over.set()
            keeper.join()
            self._lost.discard(name)
            _let_go(lease)

    def is_locked(self, name: str) -> bool:
        """Has somebody the lock of that name?"""
        from azure.core.exceptions import ResourceNotFoundError

        blob = self._client.get_blob_client(f"locks/{name}")
        with told(f"looking at {self._where(f'locks/{name}')}"):
            try:
                return bool(blob.get_blob_properties().lease.state == "leased")
            except ResourceNotFoundError:
                return False

    def _acquire(self, name: str, what: str, watch: Watch, wait_s: float) -> BlobLeaseClient:
        """The lease; the blob then says who has it."""
        from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
        from azure.storage.blob import BlobLeaseClient

        blob = self._client.get_blob_client(name)
        until, who = time.monotonic() + wait_s, ""
        while True:
            lease = BlobLeaseClient(blob)
            with told(f"locking {self._where(name)}"):
                try:
                    lease.acquire(LEASE_S)
                except ResourceNotFoundError:
                    _make(blob)
                    continue
                except ResourceExistsError:  # 409: another has it
                    pass
                else:
                    _sign(blob, lease, what)
                    return lease
            if not who:
                who = (self.read(name) or b"").decode() or "another command"
                watch(f"{who} is at work; waiting up to {wait_s:g} s for it to end")
            if time.monotonic() > until:
                raise Transient(f"{who} still holds {self._where(name)} after {wait_s:g} s; {what} "
                                "waited in vain")  # fmt: skip
            time.sleep(min(2.0, wait_s))

    def _where(self, name: str) -> str:
        return f"{self._client.account_name}/{self._client.container_name}/{name}"

    def _keep_up(
        self, name: str, lease: BlobLeaseClient, watch: Watch, is_over: threading.Event
    ) -> None:
        """Renew the lease; one that ended (a laptop slept) is renewed unless another took it."""
        from azure.core.exceptions import AzureError, ResourceExistsError

        while not is_over.wait(RENEW_S):
            try:
                lease.renew(retry_total=0, connection_timeout=PATIENCE_S, read_timeout=PATIENCE_S)
            except ResourceExistsError:  # 409: it is another's
                self._lost.add(name)
                watch(f"{self._where(f'locks/{name}')} was lost: another command took it")
                return
            except AzureError:
                continue


def _make(blob: BlobClient) -> None:
    """An empty blob, unless another made it meanwhile: it may have locked it already, too."""
    from azure.core.exceptions import HttpResponseError, ResourceExistsError

    try:
        blob.upload_blob(b"", if_none_match="*")
    except ResourceExistsError:
        pass
    except HttpResponseError as error:
        if getattr(error, "error_code", None) != "LeaseIdMissing":
            raise


def _let_go(lease: BlobLeaseClient) -> None:
    """What was done under it is done, also if this fails: the lease ends by itself."""
    from azure.core.exceptions import AzureError

    with contextlib.suppress(AzureError):
        lease.release(retry_total=1)


def _sign(blob: BlobClient, lease: BlobLeaseClient, what: str) -> None:
    """Leave word for those who wait: a courtesy, so its failure is none of the lock's."""
    from azure.core.exceptions import AzureError

    with contextlib.suppress(AzureError):
        blob.upload_blob(f"{what} on {socket.gethostname()}", overwrite=True, lease=lease)
