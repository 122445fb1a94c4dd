"""Containers that really run: podman, in a network of their own, reached through a relay."""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.infra.engine import Engine

CONFINED = (
    "--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges",
)  # fmt: skip
STOP_S = 10


class Container:
    """
    One container of a group, as its specification says.

    Attributes:
        address: of this machine, where it answers once it is ready.
        state: Waiting, Running, Terminated.
        restarts, exit_code: of the container; the last one's.
        is_ready: the readiness probe says so.
    """

    def __init__(self, engine: Engine, name: str, spec: dict[str, Any], place: Path) -> None:
        self._engine, self._name, self._spec, self._place = engine, name, spec, place
        self._is_over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._relay: subprocess.Popen[bytes] | None = None
        self.address: tuple[str, int] = ("127.0.0.1", self._listener.getsockname()[1])
        self.state, self.restarts = "Waiting", 0
        self.exit_code: int | None = None
        self.events: list[tuple[str, str]] = []
        self.is_ready = False

    @property
    def id(self) -> str:
        """Its name for podman."""
        return f"group-{self._name}"

    def start(self, delay_s: float = 0.0) -> None:
        """Run it, and watch over it until ``stop``."""
        self._engine.tried("rm", "--force", "--time=0", self.id)
        threading.Thread(target=self._live, args=(delay_s,), daemon=True).start()

    def stop(self) -> None:
        """End it, politely."""
        self._is_over.set()
        self._engine.tried("stop", f"--time={STOP_S}", self.id)
        self._engine.tried("rm", "--force", "--time=0", self.id)
        self._end_relay()
        self._listener.close()
        self.state, self.is_ready = "Terminated", False

    def logs(self, tail: int | None = None) -> str:
        """What it wrote."""
        found = self._engine.tried("logs", *([f"--tail={tail}"] if tail else []), self.id)
        return found.stdout + found.stderr

    def _live(self, delay_s: float) -> None:
        if self._is_over.wait(delay_s):
            return
        done = self._engine.tried("create", *self._options(), *self._words())
        if done.returncode:
            self.events.append(("Failed", done.stderr.strip()))
            return
        while not self._is_over.is_set():
            done = self._engine.tried("start", self.id)
            self.events.append(("Started", "Started container"))
            self.state = "Running"
            self._enter()
            watch = threading.Event()
            threading.Thread(target=self._probe, args=(watch,), daemon=True).start()
            code = self._engine.tried("wait", self.id).stdout.strip()
            watch.set()
            self._end_relay()
            self.is_ready = False
            if self._is_over.is_set():
                return
            self.exit_code, self.state = int(code or -1), "Waiting"
            self.events.append(("Killing", f"Container ended with exit code {code}"))
            self.restarts += 1
            self._is_over.wait(min(0.5 * 2**self.restarts, 5))

    def _options(self) -> list[str]:
        asked = self._spec["properties"]["resources"]["requests"]
        options = [
            "--name", self.id, "--pull=never", "--network=none", "--no-healthcheck", *CONFINED,
            f"--cpus={asked['cpu']}", f"--memory={int(asked['memoryInGB'] * 1024)}m",
        ]  # fmt: skip
        for each in self._spec["properties"].get("environmentVariables") or []:
            options += ["--env", f"{each['name']}={each.get('secureValue') or each.get('value')}"]
        for mount in self._spec["properties"].get("volumeMounts") or []:
            options += ["--volume", f"{self._place / mount['name']}:{mount['mountPath']}:ro"]
        command = self._spec["properties"].get("command")
        return [*options, *(["--entrypoint", command[0]] if command else [])]

    def _words(self) -> list[str]:
        properties = self._spec["properties"]
        return [properties["image"], *(properties.get("command") or [])[1:]]

    def _enter(self) -> None:
        """A relay inside the container's network, on the listening socket of this one."""
        found = self._engine.tried("inspect", "--format={{.State.Pid}}", self.id).stdout.strip()
        if not found or found == "0":
            return  # it has ended already
        port = self._spec["properties"]["ports"][0]["port"]
        number = self._listener.fileno()
        self._relay = subprocess.Popen(
            ["nsenter", "--net", "--target", found, "--", sys.executable, "-m",
             "tests.cloud.inner_relay", str(number), str(port)],
            cwd=ROOT, pass_fds=(number,), stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _end_relay(self) -> None:
        if self._relay:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._relay.pid, signal.SIGTERM)
            self._relay.wait()
            self._relay = None

    def _probe(self, is_over: threading.Event) -> None:
        """Readiness lets traffic in; a liveness that fails ends the container."""
        ready = self._spec["properties"].get("readinessProbe")
        live = self._spec["properties"].get("livenessProbe")
        failures = 0
        time.sleep(min((live or ready or {}).get("initialDelaySeconds", 0), 0.5))
        while not is_over.wait(0.3):
            self.is_ready = self._answers(ready) if ready else True
            failures = 0 if not live or self._answers(live) else failures + 1
            if live and failures >= 10 * live.get("failureThreshold", 3):
                self.events.append(("Unhealthy", "Liveness probe failed"))
                self._engine.tried("kill", self.id)
                return

    def _answers(self, probe: dict[str, Any]) -> bool:
        asked = probe["httpGet"]
        connection = http.client.HTTPConnection(*self.address, timeout=2)
        try:
            connection.request("GET", asked.get("path", "/"))
            return connection.getresponse().status < 400
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def write_secrets(volumes: list[dict[str, Any]], place: Path) -> None:
    """The files of secret volumes, readable to whoever the container runs as."""
    for volume in volumes:
        folder = place / volume["name"]
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in (volume.get("secret") or {}).items():
            (folder / name).write_bytes(base64.b64decode(value))
