"""
``python -m model.serve --model DIR``: serve a model folder over HTTP.

Exit codes: 0 stopped · 1 bug · 2 usage · 3 no whole model folder · 4 the port is taken.
"""

from __future__ import annotations

import argparse
import ipaddress
import socket
import sys
from pathlib import Path

from model.folder import BadModelFolder, ModelFolder


def main() -> int:
    """Run the command line; answer its exit code."""
    options = _parser().parse_args()
    keys = _keys(options.keys_file)
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
    try:
        listener = socket.create_server((options.host, options.port), backlog=1024)
    except OSError as error:
        print(
            f"port {options.port} of {options.host} cannot be had: {error.strerror}; "
            "end the program that holds it, or choose another --port (0 takes a free one)",
            file=sys.stderr,
        )
        return 4
    from model.serve.server import Identity, serve

    identity = Identity(options.name or folder.manifest["dataset"]["name"], options.version, folder)
    serve(identity, listener, keys, control=options.control, ready_file=options.ready_file)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m model.serve", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="model folder")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on [%(default)s]")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one [%(default)s]")
    parser.add_argument("--name", help="of the model; by default that of its data")
    parser.add_argument(
        "--version", default="0", help="of the model, for its answers [%(default)s]"
    )
    parser.add_argument("--keys-file", type=Path, help="API keys, one a line; any of them is valid")
    parser.add_argument("--control", type=Path, help="Unix socket to hand the port over by")
    parser.add_argument("--ready-file", type=Path, help="JSON file to write when it answers")
    return parser


def _keys(file: Path | None) -> tuple[str, ...]:
    if file is None:
        return ()
    lines = file.read_text(encoding="utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    raise SystemExit(main())
