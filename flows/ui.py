"""ui: Prefect's pages, with a worker and the deployments, on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import multiprocessing
import os
import signal
import socket
import threading

import psutil

from flows import terminal
from flows.server import end_with_parent, prefect_server
from flows.setup import set_up
from tasks.errors import Transient
from tasks.state import CHECKOUT, home

POOL = "mlops"
END_S = 15.0  # in which flows end what they began


def run_ui(port: int) -> int:
    """Start server, worker and deployments; return when the worker ends."""
    console = terminal.console()
    console.print("starting the Prefect server …")
    with prefect_server(home(), _listener(port), has_ui=True, meanwhile=_warm_up) as url:
        made = sum(each.is_one for each in set_up((POOL,)))
        console.print(f"set up    {made} things made or changed (python -m flows setup)")
        console.print(f"Prefect   {url.removesuffix('/api')}")
        console.print("release   Deployments > release > Run; or in another terminal:")
        console.print(
            f"          PREFECT_API_URL={url} .venv/bin/prefect deployment run release/local"
        )
        console.print("schedules Deployments > the one you want > switch its schedule on")
        console.print("MLflow    make mlflow")
        console.print("Ctrl-C ends the server and the worker; what serves goes on serving")
        environment = {**os.environ, "PREFECT_API_URL": url, "PYTHONPATH": str(CHECKOUT)}
        worker = multiprocessing.get_context("spawn").Process(
            target=_work, args=(environment,), name="prefect-worker", daemon=True
        )
        worker.start()
        try:
            worker.join()
        except KeyboardInterrupt:  # as the last line said: the way to end it, so no failure
            return 0
        finally:
            worker.terminate()
            worker.join(END_S + 5)  # while the server lives, so that flows can say how they ended
        return worker.exitcode or 0


def _warm_up() -> None:
    """Import while the server boots what setting it up takes."""
    for module in ("flows.deployments", "flows.pools", "flows.release"):
        importlib.import_module(module)


def _work(environment: dict[str, str]) -> None:
    """Work for the pool until our parent ends, however it ends, or asks us to."""

    def end(*_: object) -> None:
        _end_flows()
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; our parent asks us
    threading.Thread(target=end_with_parent, args=(_end_flows,), daemon=True).start()
    os.environ.update(environment)
    os.chdir(CHECKOUT)
    from prefect.workers.process import ProcessWorker

    asyncio.run(ProcessWorker(work_pool_name=POOL).start())


def _end_flows() -> None:
    """Flows end with their worker; they are asked first, so that they end what they began."""
    flows = psutil.Process().children()
    for each in flows:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.terminate()
    for each in psutil.wait_procs(flows, timeout=END_S)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()


def _listener(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        from tasks.backends.local.processes import who_holds

        raise Transient(
            f"port {port} is held by {who_holds(port)}; end that program, or choose "
            "another --port (make ui PORT=…)"
        ) from error
