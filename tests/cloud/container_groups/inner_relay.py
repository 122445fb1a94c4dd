"""
``python -m tests.cloud.container_groups.inner_relay FD PORT``: carries connections into a network
of its own.

The listening socket ``FD`` was made outside; this process runs inside (``nsenter``), so what it
connects to is the container's own loopback. It ends with whoever started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


async def carry(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, to ``port`` of the network that this process is in."""
    with contextlib.suppress(OSError):
        inner, out = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_pump(reader, out), _pump(inner, writer))
        out.close()
    writer.close()


async def main() -> None:
    """Until the parent is gone."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    port, parent = int(sys.argv[2]), os.getppid()
    server = await asyncio.start_server(lambda r, w: carry(port, r, w), sock=listener)
    async with server:
        while os.getppid() == parent:
            await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(main())
