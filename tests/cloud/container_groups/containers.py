"""Containers that really run: podman, in a network of their own, reached through a relay."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tests.cloud.container_groups.probes import Liveness, Probe, Readiness
from tests.cloud.subscription.operations import now, plain
from tests.cloud.wire.secure import environment, volume_folder
from tests.conftest import ROOT
from tests.infra.engine import Engine, run

CONFINED = (  # more than the real one does: what runs so, runs there
    "--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges",
)  # fmt: skip
STOP_S = 10
LONGEST_S = 5.0  # between two starts of what crashes; the real one waits up to 5 minutes


class Container:
    """
    One container of a group, as its specification says.

    Args:
        policy: Always, OnFailure or Never: whether it is started again once it has ended.
        is_never_ready: whatever its readiness probe says.

    Attributes:
        address: of this machine, where it answers once it is ready.
        state: Waiting, Running, Terminated.
        restarts, exit_code: of the container; the last one's.
        is_ready: the readiness probe says so.
        has_begun: it was started once, or cannot be.
    """

    def __init__(
        self, engine: Engine, name: str, spec: dict[str, Any], place: Path,
        *, policy: str = "Always", is_never_ready: bool = False,
    ) -> None:  # fmt: skip
        self._engine, self._name, self._spec, self._place = engine, name, spec, place
        self._policy, self._is_never_ready = policy, is_never_ready
        self._is_over, self.has_begun = threading.Event(), threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._relay: subprocess.Popen[bytes] | None = None
        self.address: tuple[str, int] = ("127.0.0.1", self._listener.getsockname()[1])
        self.restarts = 0
        self.exit_code: int | None = None
        self.events: list[dict[str, Any]] = []
        self.is_ready = False
        self.current: dict[str, Any] = {"state": "Waiting", "detailStatus": ""}
        self.previous: dict[str, Any] | None = None
        self._thread: threading.Thread | None = None

    @property
    def id(self) -> str:
        """Its name for podman."""
        return f"group-{self._name}"

    @property
    def state(self) -> str:
        return str(self.current["state"])

    def view(self) -> dict[str, Any]:
        """As Azure tells of it."""
        return plain({"restartCount": self.restarts, "currentState": dict(self.current),
                      "previousState": self.previous, "events": list(self.events)})  # fmt: skip

    def start(self, delay_s: float = 0.0) -> None:
        """Run it, and watch over it until ``stop``."""
        self._thread = threading.Thread(target=self._live, args=(delay_s,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it, politely."""
        self._is_over.set()
        self.is_ready = False
        self._engine.tried("stop", f"--time={STOP_S}", self.id)
        if self._thread:
            self._thread.join()
        self._engine.tried("rm", "--force", "--time=0", self.id)
        self._listener.close()

    def logs(self, tail: int | None = None) -> str:
        """What it wrote."""
        found = self._engine.tried("logs", *([f"--tail={tail}"] if tail else []), self.id)
        return found.stdout + found.stderr if found.returncode == 0 else ""

    def _live(self, delay_s: float) -> None:
        self._engine.tried("rm", "--force", "--time=0", self.id)  # of a stand-in that was killed
        if self._is_over.wait(delay_s) or not self._create():
            self.has_begun.set()
            return
        while not self._is_over.is_set():
            began, code = now(), self._once()
            self.exit_code = code
            detail = "Completed" if code == 0 else "Error"
            ended = {"state": "Terminated", "startTime": began, "exitCode": code,
                     "finishTime": now(), "detailStatus": detail}  # fmt: skip
            if self._is_over.is_set() or not self._is_begun_again(code):
                self.current = ended
                return
            self.previous = ended
            self.current = {"state": "Waiting", "detailStatus": "CrashLoopBackOff: Back-off "
                            f"restarting failed container ({code})"}  # fmt: skip
            self._is_over.wait(min(0.5 * 2**self.restarts, LONGEST_S))
            self.restarts += 1

    def _is_begun_again(self, code: int) -> bool:
        return self._policy == "Always" or (self._policy == "OnFailure" and code != 0)

    def _create(self) -> bool:
        secure = environment(self._place)
        done = run("podman", "create", *self._options(secure), *self._words(),
                   **{**secure, **self._engine.environment})  # fmt: skip
        if done.returncode:
            said = done.stderr.strip()
            self.current = {"state": "Waiting", "detailStatus": "CreateContainerError"}
            self._note("Failed", f"Error: {said}", is_well=False)
        else:
            self._note("Pulled", f'Successfully pulled image "{self._words()[0]}"')
        return not done.returncode

    def _once(self) -> int:
        """From a start to its end; the exit code."""
        done = self._engine.tried("start", self.id)
        if done.returncode:
            self._note("Failed", f"Error: {done.stderr.strip()}", is_well=False)
            self.has_begun.set()
            return 128
        self.current = {"state": "Running", "startTime": now(), "detailStatus": ""}
        self._note("Started", "Started container")
        if self._is_over.is_set():  # `stop` came too early to find it
            self._engine.tried("stop", f"--time={STOP_S}", self.id)
        self._enter()
        watch = threading.Event()
        prober = threading.Thread(target=self._probe, args=(watch,), daemon=True)
        prober.start()
        self.has_begun.set()
        code = int(self._engine.tried("wait", self.id).stdout.strip() or -1)
        watch.set()
        self._end_relay()
        prober.join()
        self.is_ready = False
        self._note("Killing", f"Container ended with exit code {code}")
        return code

    def _options(self, secure: dict[str, str]) -> list[str]:
        properties = self._spec["properties"]
        asked = properties["resources"]["requests"]
        options = [
            "--name", self.id, "--pull=never", "--network=none", "--no-healthcheck", *CONFINED,
            f"--cpus={asked['cpu']}", f"--memory={int(asked['memoryInGB'] * 1024)}m",
        ]  # fmt: skip
        for each in properties.get("environmentVariables") or []:
            if each["name"] not in secure:
                options += ["--env", f"{each['name']}={each.get('value') or ''}"]
        for name in secure:  # by name: a command line is for all to see
            options += ["--env", name]
        for mount in properties.get("volumeMounts") or []:
            folder = volume_folder(self._place, mount["name"])
            way = "ro" if mount.get("readOnly") else "rw"
            options += ["--volume", f"{folder}:{mount['mountPath']}:{way}"]
        command = properties.get("command")
        return [*options, *(["--entrypoint", command[0]] if command else [])]

    def _words(self) -> list[str]:
        properties = self._spec["properties"]
        return [properties["image"], *(properties.get("command") or [])[1:]]

    def _note(self, name: str, message: str, *, is_well: bool = True) -> None:
        for event in self.events:
            if (event["name"], event["message"]) == (name, message):
                event |= {"count": event["count"] + 1, "lastTimestamp": now()}
                return
        kind = "Normal" if is_well else "Warning"
        self.events.append({"count": 1, "firstTimestamp": now(), "lastTimestamp": now(),
                            "name": name, "message": message, "type": kind})  # fmt: skip

    def _enter(self) -> None:
        """A relay inside the container's network, on the listening socket of this one."""
        found = self._engine.tried("inspect", "--format={{.State.Pid}}", self.id).stdout.strip()
        ports = self._spec["properties"].get("ports")
        if not ports or found in ("", "0"):
            return  # nothing is let in, or it has ended already
        number = self._listener.fileno()
        self._relay = subprocess.Popen(
            ["nsenter", "--net", "--target", found, "--", sys.executable, "-m",
             "tests.cloud.container_groups.inner_relay", str(number), str(ports[0]["port"])],
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
        ready = Readiness(Probe.read(self._spec["properties"].get("readinessProbe")))
        live = Liveness(Probe.read(self._spec["properties"].get("livenessProbe")))
        while not is_over.wait(ready.pause_s):
            if why := ready.look(self.address):
                self._note("Unhealthy", f"Readiness probe failed: {why}", is_well=False)
            self.is_ready = ready.is_ready and not self._is_never_ready
            if why := live.look(self.address):
                self._note("Unhealthy", f"Liveness probe failed: {why}", is_well=False)
                self._engine.tried("kill", self.id)
                return
