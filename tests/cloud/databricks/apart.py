"""
``apart PORT COMMAND …``: runs a command in a network of its own.

It has the loopback address alone, on which whatever the command starts may listen as it likes. One
port leads out, to the same one of this machine: the proxy, behind which the cloud is. As root.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import sys

from tests.cloud.container_groups.inner_relay import carry

NEW_NETWORK = 0x40000000  # CLONE_NEWNET
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP


def main() -> int:
    """Run the command to its end; its exit code, or 128 and the signal that ended it."""
    port, command = int(sys.argv[1]), sys.argv[2:]
    ours, theirs = socket.socketpair()
    child = os.fork()
    if not child:
        ours.close()
        _inside(port, theirs, command)
    theirs.close()
    _, (number, *_), _, _ = socket.recv_fds(ours, 1, 1)
    with contextlib.suppress(KeyboardInterrupt):
        return asyncio.run(_relay(socket.socket(fileno=number), port, child))
    return 130


def _inside(port: int, outside: socket.socket, command: list[str]) -> None:
    """Enter a new network, hand its way out to the one outside, become the command."""
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "no network of its own; this needs root")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        named = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16xH14x", fcntl.ioctl(any_socket, GET_FLAGS, named))[0]
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH14x", b"lo", flags | UP))
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    socket.send_fds(outside, [b"."], [listener.fileno()])
    os.execvp(command[0], command)


async def _relay(listener: socket.socket, port: int, child: int) -> int:
    async with await asyncio.start_server(lambda r, w: carry(port, r, w), sock=listener):
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
