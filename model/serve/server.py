"""
The life of a service: boot, take the public socket, drain, end.

On SIGTERM it stops to accept, finishes what is in flight, and tells clients on kept-alive
connections to come back elsewhere: each gets its next answer with ``Connection: close``. Idle
connections are closed at the end of the drain time, not at its start: a request that is on its way
is still answered.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
import resource
import signal
import socket
import time
from types import FrameType
from typing import Any

import uvicorn

from model.folder import write_json
from model.serve import control
from model.serve.access import AccessLog
from model.serve.app import Application
from model.serve.capture import Capture
from model.serve.captured import Captured
from model.serve.connections import KEEP_ALIVE_S, Connections
from model.serve.pages import Pages
from model.serve.readiness import Drain
from model.serve.scoring import Scoring
from model.serve.settings import Identity, Settings
from model.serve.short_way import Protocol

DRAIN_S = 5.0


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


def serve(identity: Identity, listener: socket.socket, settings: Settings, **load: Any) -> None:
    """Serve until SIGTERM or SIGINT."""
    _allow_many_files()
    logging.raiseExceptions = False  # a full disk under one log must not fill the other
    drain = Drain()
    app = _application(identity, settings, drain, **load)
    room = Connections(settings.bounds, app, drain)
    config = uvicorn.Config(
        app,
        http=functools.partial(Protocol, room=room),  # type: ignore[arg-type]
        ws="none",
        log_level="warning",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,  # whom we serve is not our business
        timeout_keep_alive=int(KEEP_ALIVE_S),
        lifespan="off",
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(Server(config, drain), identity, listener, settings, room))
    app.log.flush()
    if app.capture:
        app.capture.close()


def _application(identity: Identity, settings: Settings, drain: Drain, **load: Any) -> Application:
    model = {"name": identity.name, "version": identity.version, "digest": identity.digest}
    capture = Capture(settings.sampling, model) if settings.sampling else None
    scoring = Scoring(identity, settings.bounds, capture, **load)
    pages = Pages(identity.name, identity.version, identity.folder.path)
    log = AccessLog(settings.access_log)
    sampling = settings.sampling
    captured = Captured(sampling.folder) if sampling and sampling.is_open else None
    return Application(scoring, pages, settings.doors, drain, log, capture, captured)


async def _serve(
    server: Server,
    identity: Identity,
    listener: socket.socket,
    settings: Settings,
    room: Connections,
) -> None:
    running = asyncio.create_task(server.serve(sockets=[listener]))
    sweeping = asyncio.create_task(room.sweep())
    while not server.started and not running.done():
        await asyncio.sleep(0.001)
    helpers = [sweeping]
    if settings.control:
        answering = control.answer(control.listen(settings.control), server.public, server.take)
        helpers.append(asyncio.create_task(answering))
    described = _described(identity, listener)
    if settings.ready_file:
        write_json(settings.ready_file, described)
    print(json.dumps(described), flush=True)
    await running
    for helper in helpers:
        helper.cancel()
    if settings.control:
        settings.control.unlink(missing_ok=True)


def _described(identity: Identity, listener: socket.socket) -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "port": listener.getsockname()[1],
        "name": identity.name,
        "version": identity.version,
        "digest": identity.digest,
    }


def _allow_many_files() -> None:
    """Each connection is a file; the usual soft limit is 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if most == resource.RLIM_INFINITY else min(most, 65_536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
