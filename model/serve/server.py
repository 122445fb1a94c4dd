"""
The life of a service: boot, take the public socket, drain, end.

On SIGTERM it stops to accept, finishes what is in flight, and tells clients on kept-alive
connections to come back elsewhere: each gets its next answer with ``Connection: close``. Idle
connections are closed at the end of the drain time, not at its start: a request that is on its way
is still answered.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import uvicorn

from model.folder import ModelFolder, write_json
from model.serve import control
from model.serve.app import build_app

DRAIN_S = 5.0


@dataclass(frozen=True)
class Identity:
    """Which model this service is: every answer carries it."""

    name: str
    version: str
    folder: ModelFolder
    since: float = field(default_factory=time.time)

    @property
    def digest(self) -> str:
        return self.folder.digest


class Drain:
    """Whether the service is about to end; shared with the application."""

    is_on = False


class Server(uvicorn.Server):
    """uvicorn, with more than one listening socket over time and a drain before the end."""

    def __init__(self, config: uvicorn.Config, drain: Drain) -> None:
        super().__init__(config)
        self._drain = drain
        self._public: list[tuple[socket.socket, asyncio.AbstractServer]] = []

    async def take(self, listener: socket.socket) -> None:
        """Accept on ``listener`` too, with the same protocol and the same application."""
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._protocol, sock=listener, backlog=1024)
        self._public.append((listener, server))

    def public(self) -> socket.socket | None:
        """The public socket that was taken last."""
        return self._public[-1][0] if self._public else None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop to accept, let kept-alive connections come to their next answer, then end."""
        self._drain.is_on = True
        for _, server in self._public:
            server.close()
        for server in self.servers:
            server.close()
        await asyncio.sleep(0.1)  # connections accepted just now come to be known
        deadline = time.monotonic() + DRAIN_S
        while self.server_state.connections and time.monotonic() < deadline and not self.force_exit:
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM drains; a second one, or SIGINT, ends at once."""
        if self.should_exit or sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

    def _protocol(self) -> asyncio.BaseProtocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )


def serve(
    identity: Identity,
    listener: socket.socket,
    keys: tuple[str, ...],
    *,
    control: Path | None,
    ready_file: Path | None,
) -> None:
    """Serve until SIGTERM or SIGINT."""
    drain = Drain()
    config = uvicorn.Config(
        build_app(identity, keys, drain),
        log_level="info",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        lifespan="off",
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(Server(config, drain), identity, listener, control, ready_file))


async def _serve(
    server: Server,
    identity: Identity,
    listener: socket.socket,
    control_path: Path | None,
    ready_file: Path | None,
) -> None:
    running = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not running.done():
        await asyncio.sleep(0.005)
    helper = None
    if control_path:
        answering = control.answer(control.listen(control_path), server.public, server.take)
        helper = asyncio.create_task(answering)
    if ready_file:
        write_json(ready_file, _described(identity, listener))
    print(json.dumps(_described(identity, listener)), flush=True)
    await running
    if helper and control_path:
        helper.cancel()
        control_path.unlink(missing_ok=True)


def _described(identity: Identity, listener: socket.socket) -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "port": listener.getsockname()[1],
        "name": identity.name,
        "version": identity.version,
        "digest": identity.digest,
    }
