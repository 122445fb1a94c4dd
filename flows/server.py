"""
A Prefect server for one command, when none is configured.

Prefect's own ephemeral server outlives a killed parent and keeps its database in the home folder.
This one ends with its parent, however that ends, and keeps its database in the state folder, so
that ``make ui`` later shows the runs made without a server.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import multiprocessing.connection
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tasks.errors import Transient

READY_WITHIN_S = 90.0


@contextlib.contextmanager
def prefect_api(state: Path, meanwhile: Callable[[], object] = lambda: None) -> Iterator[str]:
    """
    The URL of the Prefect API to use inside: the configured one, or that of a server of our own.

    Args:
        state: the state folder.
        meanwhile: what to do while the server boots.

    Raises:
        Transient: the configured one does not answer, or ours did not come up.
    """
    from prefect.settings import PREFECT_API_URL

    if configured := PREFECT_API_URL.value():
        _require_answer(str(configured))
        meanwhile()
        yield str(configured)
        return
    listener = socket.create_server(("127.0.0.1", 0))
    with prefect_server(state, listener, has_ui=False, meanwhile=meanwhile) as url:
        yield url


def _require_answer(url: str) -> None:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        failure = client.api_healthcheck()
    if failure:
        raise Transient(
            f"the Prefect API at {url} does not answer ({failure}). Start it, mend "
            "PREFECT_API_URL, or unset it: a command without it runs a server of its own"
        )


@contextlib.contextmanager
def prefect_server(
    state: Path,
    listener: socket.socket,
    *,
    has_ui: bool,
    meanwhile: Callable[[], object] = lambda: None,
) -> Iterator[str]:
    """
    A Prefect server on ``listener``, as long as the block runs and this process lives.

    Raises:
        Transient: it did not come up.
    """
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_LOCAL_STORAGE_PATH,
        temporary_settings,
    )

    url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
    environment = _environment(state, url, has_ui=has_ui)
    log = state / "prefect" / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(listener, environment, log), name="prefect-server", daemon=True
    )
    process.start()
    try:
        meanwhile()
        _wait_for(url, process, log)
        mine = {PREFECT_API_URL: url, PREFECT_LOCAL_STORAGE_PATH: state / "prefect" / "storage"}
        with temporary_settings(mine):
            try:
                yield url
            finally:
                _deliver()
    finally:
        listener.close()
        process.terminate()
        process.join(10)


def _deliver() -> None:
    """Hand over the logs and states that Prefect still holds back, while the server lives."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (APILogWorker, EventsWorker):
        logging.getLogger(worker.__name__).setLevel(logging.ERROR)
        worker.drain_all(timeout=10)


def _environment(state: Path, url: str, *, has_ui: bool) -> dict[str, str]:
    """Settings of a server that keeps its data in the state folder and calls nobody."""
    found = {
        "PREFECT_HOME": str(state / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_UI_ENABLED": str(has_ui).lower(),
        "PREFECT_UI_API_URL": url,
    }
    if has_ui:
        pages = {
            "PREFECT_UI_STATIC_DIRECTORY": str(state / "prefect" / "ui"),
            "PREFECT_UI_URL": url.removesuffix("/api"),  # links in what is told to people
        }
        return {**found, **pages}
    return {**found, "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}


def _serve(listener: socket.socket, environment: dict[str, str], log: Path) -> None:
    # A session of its own: Ctrl-C reaches every process of the terminal's group, and a flow whose
    # API is gone before it has said that it was interrupted waits for it in vain.
    os.setsid()
    threading.Thread(target=end_with_parent, daemon=True).start()
    with log.open("wb") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.update(environment)
    import uvicorn
    from prefect.server.api.server import create_app

    config = uvicorn.Config(create_app, factory=True, log_level="error", lifespan="on")
    uvicorn.Server(config).run(sockets=[listener])


def end_with_parent(last: Callable[[], object] = lambda: None) -> None:
    """Watch the process that started us, in a thread; when it has ended, do ``last``, and end."""
    parent = multiprocessing.parent_process()
    if parent:
        multiprocessing.connection.wait([parent.sentinel])
        last()
        os._exit(0)


def _wait_for(url: str, process: multiprocessing.process.BaseProcess, log: Path) -> None:
    import httpx

    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and process.is_alive():
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/health", timeout=5, trust_env=False).status_code == 200:
                return
        time.sleep(0.05)
    what = f"did not answer within {READY_WITHIN_S:g} s" if process.is_alive() else "ended at once"
    raise Transient(
        f"the embedded Prefect server {what}; its log is {log}. "
        "Look at free memory and disk, or start one (`make ui`) and set PREFECT_API_URL"
    )
