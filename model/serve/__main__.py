"""
``python -m model.serve --model DIR``: serve a model folder over HTTP.

Exit codes: 0 stopped · 1 bug · 2 usage · 3 no whole model folder · 4 the port is taken.
"""

from __future__ import annotations

import argparse
import errno
import ipaddress
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from model.folder import BadModelFolder, ModelFolder
from model.serve.options import parser, settings_of

if TYPE_CHECKING:
    from model.serve.settings import Settings


def main() -> int:
    """Run the command line; answer its exit code."""
    options = parser(__doc__).parse_args()
    try:
        keys = _keys(options.keys_file, "--keys-file")
        readers = _keys(options.capture_keys_file, "--capture-keys-file")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if readers and not options.capture:
        print("--capture-keys-file opens what --capture keeps: give --capture too",
              file=sys.stderr)  # fmt: skip
        return 2
    if not keys and not _is_loopback(options.host):
        print(
            f"{options.host} can be reached from outside: give --keys-file with one key a line "
            "(callers send it as 'Authorization: Bearer KEY'), or serve on 127.0.0.1",
            file=sys.stderr,
        )
        return 2
    try:
        folder = ModelFolder.read(options.model)
        folder.verify()
    except BadModelFolder as error:
        print(f"refused: {error}", file=sys.stderr)
        return 3
    return _serve(options, folder, settings_of(options, keys, readers))


def _serve(options: argparse.Namespace, folder: ModelFolder, settings: Settings) -> int:
    try:
        listener = socket.create_server((options.host, options.port), backlog=1024)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            print(
                f"--host {options.host} is no address to listen on: {error.strerror}; "
                "give an IPv4 address of this machine, as 127.0.0.1",
                file=sys.stderr,
            )
            return 2
        print(
            f"port {options.port} of {options.host} cannot be had: {error.strerror}; "
            "end the program that holds it, or choose another --port (0 takes a free one)",
            file=sys.stderr,
        )
        return 4
    from model.serve.server import serve
    from model.serve.settings import Identity

    identity = Identity(options.name or folder.manifest["dataset"]["name"], options.version, folder)
    serve(identity, listener, settings)
    return 0


def _keys(file: Path | None, option: str) -> tuple[str, ...]:
    """Keys, one a line; a file without any is a mistake that must not open the door."""
    if file is None:
        return ()
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, ValueError) as error:
        raise ValueError(f"{option} {file}: {error}") from error
    keys = tuple(line for line in lines if line and not line.startswith("#"))
    if not keys:
        raise ValueError(f"{option} {file}: there is no key in it; write one a line")
    return keys


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    raise SystemExit(main())
