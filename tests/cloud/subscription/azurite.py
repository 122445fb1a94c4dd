"""Blob storage by Microsoft's own emulator, behind the production host name of an account."""

from __future__ import annotations

import atexit
import base64
import datetime
import os
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.cloud.wire.authority import Authority

ACCOUNT = "stmlops"
UP_WITHIN_S = 30.0


class Azurite:
    """
    ``azurite-blob`` on a free port of the loopback address, with its files in ``folder``.

    Args:
        database: ``mysql://…`` of what it knows of blobs. Without one it looks through a list of
            all of them for each, which takes long from some thousands on.

    Raises:
        FileNotFoundError: it is not installed; the message says how to.
    """

    def __init__(
        self, folder: Path, authority: Authority, *, database: str = "", account: str = ACCOUNT
    ) -> None:
        self.account = account
        program = shutil.which("azurite-blob") or str(_installed())
        folder.mkdir(parents=True, exist_ok=True)
        key = folder / "account-key"
        if not key.exists():
            key.write_text(base64.b64encode(secrets.token_bytes(48)).decode(), encoding="ascii")
        self.key = key.read_text(encoding="ascii")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.address = ("127.0.0.1", port)
        held = {"AZURITE_ACCOUNTS": f"{account}:{self.key}"}
        if database:
            held["AZURITE_DB"] = database
        # The SDKs speak a newer version of the API than Azurite knows, and it tells Microsoft about
        # itself unless told not to.
        self._process = subprocess.Popen(
            [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--cert",
             str(authority.certificate), "--key", str(authority.key), "--oauth", "basic",
             "--silent", "--disableTelemetry", "--skipApiVersionCheck",
             "--location", str(folder / "blobs")],
            env={**os.environ, **held},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        atexit.register(self._process.kill)  # also where a test ends in its beginning
        self._wait()

    @property
    def url(self) -> str:
        """What clients ask, through the proxy."""
        return f"https://{self.account}.blob.core.windows.net"

    def signature(self, container: str, hours: float = 1.0) -> str:
        """A shared access signature for a container."""
        from azure.storage.blob import ContainerSasPermissions, generate_container_sas

        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)
        allowed = ContainerSasPermissions(
            read=True, add=True, create=True, write=True, delete=True, list=True
        )
        return str(
            generate_container_sas(
                self.account, container, account_key=self.key, permission=allowed, expiry=end
            )
        )

    def close(self) -> None:
        """End it; what it holds stays in the folder."""
        self._process.terminate()
        self._process.wait(10)
        atexit.unregister(self._process.kill)

    def _wait(self) -> None:
        until = time.monotonic() + UP_WITHIN_S
        while time.monotonic() < until and self._process.poll() is None:
            try:
                socket.create_connection(self.address, timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"azurite-blob did not come up (exit {self._process.poll()})")


def _installed() -> Path:
    """Where ``make .venv/azurite`` puts it."""
    place = Path(__file__).resolve().parents[3] / ".venv" / "azurite"
    program = place / "node_modules" / ".bin" / "azurite-blob"
    if not program.exists():
        raise FileNotFoundError(
            f"{program} is missing; install it by: make .venv/azurite (it needs node and npm)"
        )
    return program
