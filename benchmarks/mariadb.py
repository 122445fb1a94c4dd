"""A MariaDB server of one's own, for as long as a benchmark lasts."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UP_WITHIN_S = 60.0
NAME = "blobs"


@contextmanager
def mariadb(folder: Path) -> Iterator[str]:
    """
    An empty database on a free port of the loopback address; its files are in ``folder``.

    Yields:
        its address, as ``mysql://user:password@127.0.0.1:port/name``.

    Raises:
        FileNotFoundError: it is not installed; the message says how to.
        RuntimeError: it did not come up; the message holds what it logged.
    """
    server, installer = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
    if not server or not installer:
        raise FileNotFoundError(
            "mariadbd is missing; Debian: apt install mariadb-server-core mariadb-client-core"
        )
    data, first, log = folder / "data", folder / "first.sql", folder / "log"
    folder.mkdir(parents=True)
    subprocess.run(
        [installer, "--no-defaults", f"--datadir={data}", "--user=root", "--skip-test-db"],
        check=True, capture_output=True,
    )  # fmt: skip
    password = secrets.token_hex(16)
    first.write_text(
        f"CREATE DATABASE {NAME};\n"
        f"CREATE USER '{NAME}'@'127.0.0.1' IDENTIFIED BY '{password}';\n"
        f"GRANT ALL ON {NAME}.* TO '{NAME}'@'127.0.0.1';\n",
        encoding="utf-8",
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with log.open("wb") as told:
        process = subprocess.Popen(
            [server, "--no-defaults", f"--datadir={data}", f"--socket={folder / 'socket'}",
             f"--pid-file={folder / 'pid'}", "--bind-address=127.0.0.1", f"--port={port}",
             "--user=root", f"--init-file={first}", "--skip-name-resolve",
             # What is lost with the machine is made anew; waiting for the disk measures nothing.
             "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=512M"],
            stdout=told, stderr=told,
        )  # fmt: skip
    try:
        _wait(process, port, log)
        yield f"mysql://{NAME}:{password}@127.0.0.1:{port}/{NAME}"
    finally:
        process.terminate()
        process.wait(60)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    process.kill()
    raise RuntimeError(f"mariadbd did not come up:\n{log.read_text(errors='replace')}")
