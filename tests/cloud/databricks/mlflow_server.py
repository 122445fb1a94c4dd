"""
MLflow of a stand-in workspace: a real MLflow server on this machine, behind the workspace's name.

What a workspace does otherwise is done here: experiments are paths in it, and one that is old knows
no logged models.
"""

from __future__ import annotations

import atexit
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.cloud.wire.site import Answer, Asked

ROOT = "dbfs:/databricks/mlflow-tracking"  # of artifacts; they go there by the Files API
API = "/api/2.0/mlflow"
UP_WITHIN_S = 60.0


class MlflowServer:
    """Begun when a run will ask it; its database stays in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._port, self._is_over = 0, False

    def answer(self, asked: Asked) -> Answer:
        """What the server says to it, or what a workspace says instead."""
        if asked.path.startswith(f"{API}/logged-models"):
            return _absent(asked)
        if asked.path == f"{API}/experiments/create" and (why := _refusal(asked.body["name"])):
            return Answer(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": why})
        self.begin()
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"Content-Type": asked.headers.get("content-type", "application/json")}
        connection.request(asked.method, asked.url, asked.raw, headers)
        found = connection.getresponse()
        data = found.read()
        connection.close()
        if found.status == 404 and not data.startswith(b"{"):
            return _absent(asked)  # of Databricks alone, as signed addresses of artifacts
        return Answer(found.status, json.loads(data) if data else {})

    def begin(self) -> None:
        """Be up; it takes seconds."""
        with self._lock:
            if self._process is None and not self._is_over:
                self._start()

    def close(self) -> None:
        """End it, for good."""
        self._is_over = True
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)

    def _start(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1",
                 "--port", str(self._port), "--workers", "1", "--no-serve-artifacts",
                 "--backend-store-uri", f"sqlite:///{self._folder / 'mlflow.db'}",
                 "--default-artifact-root", ROOT],
                cwd=self._folder, stdout=log, stderr=log, start_new_session=True,
                env={"PATH": os.defpath, "HOME": str(self._folder),
                     "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION":
                     "false"},
            )  # fmt: skip
        atexit.register(self.close)  # also where a test ends in its beginning
        until = time.monotonic() + UP_WITHIN_S
        while time.monotonic() < until and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        if self._is_over:
            return
        raise RuntimeError(f"MLflow did not come up; see {self._folder / 'server.log'}")


def _absent(asked: Asked) -> Answer:
    what = f"No API found for '{asked.method} {asked.path}'"
    return Answer(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": what})


def _refusal(name: str) -> str | None:
    if name.startswith("/"):
        return None
    return (f"Got an invalid experiment name '{name}'. An experiment name must be an absolute path "
            "within the Databricks workspace, e.g. '/Users/<some-username>/my-experiment'."
            )  # fmt: skip
