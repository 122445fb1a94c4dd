"""
Runs of a stand-in Databricks: the submitted task really runs, as a program of its own.

The wheel is unpacked into a folder of its own, the environment holds what a cluster would give and
nothing of the submitter's, and ``/Volumes/…`` is a folder here.
"""

from __future__ import annotations

import configparser
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from model.spark_here import environment, lacking
from tests.cloud.subscription.resources import Resources
from tests.conftest import ROOT

# What the entry answers is dropped, and whatever it raises is a failure, also an exit with 0.
STARTED = """
from {module} import {function}
try:
    {function}()
except SystemExit as ended:
    raise SystemExit(ended.code or "it exits") from ended
"""
ENDED = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")
Run = dict[str, Any]


class Runs:
    """
    Submitted runs, each a JSON value with its state.

    Args:
        known: where they are kept.
        volumes: the folder that ``/Volumes`` is.
        environment: of a cluster: how it reaches the rest of the cloud, and who it is.

    Attributes:
        identity: what a run shows to its own workspace, in variables as well.
    """

    def __init__(self, known: Resources, volumes: Path, environment: Mapping[str, str]) -> None:
        self._known, self._volumes, self._environment = known, volumes, environment
        self.identity: Callable[[], Mapping[str, str]] = dict
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self.start_delay_s = 0.2  # a real cluster takes minutes
        self.ending_s = 0.0  # for which a run that is cancelled is said to be terminating
        self.is_stuck = False  # the next runs wait for a cluster that never comes
        self.end_with: str | None = None  # the next run ends with this termination code,
        self.end_saying = "as was asked for"  # and this message
        self.secrets: dict[str, str] = {}  # scope/key → value, which clusters are given
        for run in known.below("runs"):
            if run["state"]["life_cycle_state"] not in ENDED:  # the stand-in itself was killed
                _end(run, "CLOUD_FAILURE", "the cluster was lost")
                known.put(f"runs/{run['run_id']}", run)

    def submit(self, asked: dict[str, Any]) -> int:
        """Accept a run, or find the one with the same token."""
        token = asked.get("idempotency_token")
        with self._known.lock:
            if token and (found := self._known.get(f"tokens/{token}")):
                return int(found["run_id"])
            number = int(self._known.get("latest") or 1000) + 1
            self._known.put("latest", number)
            state = {"life_cycle_state": "PENDING", "state_message": "In queue"}
            run = {**asked, "run_id": number, "start_time": _now(), "end_time": 0, "state": state}
            self._known.put(f"runs/{number}", run)
            if token:
                self._known.put(f"tokens/{token}", {"run_id": number})
            fate = (self.is_stuck, self.end_with, self.end_saying)
            if not self.is_stuck:
                self.end_with = None
        threading.Thread(target=self._work, args=(number, *fate), daemon=True).start()
        return number

    def get(self, number: int) -> Run | None:
        """One run."""
        found: Run | None = self._known.get(f"runs/{number}")
        return found

    def all(self) -> list[Run]:
        """Every run, oldest first."""
        return list(self._known.below("runs"))

    def active(self) -> list[Run]:
        """Those that cost money now."""
        return [run for run in self.all() if run["state"]["life_cycle_state"] not in ENDED]

    def cancel(self, number: int, code: str = "USER_CANCELED") -> None:
        """End a run, if it goes on."""
        with self._known.lock:
            run = self.get(number)
            if run is None or run["state"]["life_cycle_state"] in (*ENDED, "TERMINATING"):
                return
            if self.ending_s:
                run["state"] = {"life_cycle_state": "TERMINATING", "state_message": "Cancelling"}
                threading.Timer(self.ending_s, self._cancelled, (number, code)).start()
                self._known.put(f"runs/{number}", run)
                return
        self._cancelled(number, code)

    def delete(self, number: int) -> None:
        """Forget a run; its token is known for good, and names nothing any more."""
        with self._known.lock:
            self._known.remove(f"runs/{number}")

    def _cancelled(self, number: int, code: str) -> None:
        with self._known.lock:
            run = self.get(number)
            if run is None:
                return
            _end(run, code, "Run cancelled.")
            self._known.put(f"runs/{number}", run)
        if process := self._processes.get(number):
            _kill(process)

    def logs(self, number: int) -> str:
        """What the task wrote."""
        file = self._volumes.parent / "logs" / f"{number}.txt"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def close(self) -> None:
        """End all programs; the runs are lost, as with a region that goes down."""
        for process in self._processes.values():
            _kill(process)

    def _work(self, number: int, is_stuck: bool, end_with: str | None, end_saying: str) -> None:
        time.sleep(self.start_delay_s)
        if is_stuck:
            time.sleep((self.get(number) or {}).get("timeout_seconds") or 0)
            self.cancel(number, "CANCELED")
            return
        with self._known.lock:
            run = self.get(number)
            if run is None or run["state"]["life_cycle_state"] in ENDED:
                return
            run["state"] = {"life_cycle_state": "RUNNING", "state_message": "In run"}
            self._known.put(f"runs/{number}", run)
            if end_with:
                _end(run, end_with, end_saying)
                self._known.put(f"runs/{number}", run)
                return
            try:
                process = self._start(number, run)
            except (IndexError, KeyError, OSError, zipfile.BadZipFile) as error:
                _end(run, "LIBRARY_INSTALLATION_ERROR", f"{type(error).__name__}: {error}")
                self._known.put(f"runs/{number}", run)
                return
            self._processes[number] = process
        try:
            code = process.wait(run.get("timeout_seconds") or None)
        except subprocess.TimeoutExpired:
            self.cancel(number, "CANCELED")
            return
        with self._known.lock:
            run = self.get(number)
            if run is None or run["state"]["life_cycle_state"] in ENDED:
                return
            good = code == 0
            _end(run, "SUCCESS" if good else "RUN_EXECUTION_ERROR",
                 "" if good else "Workload failed, see run output for details")  # fmt: skip
            self._known.put(f"runs/{number}", run)

    def _start(self, number: int, run: Run) -> subprocess.Popen[bytes]:
        task = run["tasks"][0]
        wheel = _wheel(task, run.get("environments", []))
        place = self._volumes.parent / "clusters" / str(number)
        with zipfile.ZipFile(self.path(wheel)) as archive:
            archive.extractall(place)
        asked = task["python_wheel_task"]
        entry = _entry_point(place, asked["entry_point"])
        module, _, function = entry.partition(":")
        is_new = "existing_cluster_id" not in task
        words = [
            self._here(word, place if is_new else None) for word in asked.get("parameters", ())
        ]
        log = self._volumes.parent / "logs" / f"{number}.txt"
        log.parent.mkdir(parents=True, exist_ok=True)
        start = STARTED.format(module=module, function=function)
        cluster = task.get("new_cluster") or {}
        apart, spark = self._spark(cluster.get("num_workers", 0), place)
        with log.open("wb") as output:
            return subprocess.Popen(
                [*apart, sys.executable, "-c", start, *words], cwd=place, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
                env={"PATH": os.defpath, "HOME": str(place), "PYTHONSAFEPATH": "1",
                     "PYTHONUNBUFFERED": "1", **self._environment, **self.identity(),
                     **self._filled(cluster.get("spark_env_vars") or {}), **spark,
                     "PYTHONPATH": str(place)},
            )  # fmt: skip

    def _filled(self, given: dict[str, str]) -> dict[str, str]:
        """Variables of a cluster, with the secrets that they name."""
        return {name: re.sub(r"\{\{secrets/(.+?)\}\}", lambda found: self.secrets[found[1]], value)
                for name, value in given.items()}  # fmt: skip

    def _spark(self, machines: int, place: Path) -> tuple[list[str], dict[str, str]]:
        """
        What a task begins with, and what it is told, where several machines work together.

        Each is a process of Spark with one core; TensorFlow's servers in them listen on every
        address, so all of it has a network of its own.
        """
        if not machines:
            return [], {}
        if why := lacking():
            raise OSError(f"this machine cannot be {machines} workers: {why}")
        port = str(urlsplit(self._environment["HTTPS_PROXY"]).port)
        told = environment(1, machines=machines, scratch=place / "spark")
        start = (f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
                 "from tests.cloud.databricks.apart import main; sys.exit(main())")  # fmt: skip
        return [sys.executable, "-c", start, port], {**told, "DATABRICKS_RUNTIME_VERSION": "17.3"}

    def _here(self, word: str, disk: Path | None) -> str:
        """A path on a cluster as one on this machine; a new cluster has a ``disk`` of its own."""
        if word.startswith("/Volumes/"):
            return str(self.path(word))
        return f"{disk}{word}" if disk and word.startswith("/tmp/") else word  # noqa: S108

    def path(self, volume_path: str) -> Path:
        """Where ``/Volumes/…`` lies here."""
        below = volume_path.removeprefix("dbfs:").removeprefix("/Volumes/")
        return self._volumes / below.removeprefix("/")


def _wheel(task: dict[str, Any], environments: list[dict[str, Any]]) -> str:
    """A cluster finds it among the libraries, serverless compute in its environment."""
    found: list[str] = [each["whl"] for each in task.get("libraries", []) if "whl" in each]
    for each in environments:
        if each["environment_key"] == task.get("environment_key"):
            found += [name for name in each["spec"]["dependencies"] if name.endswith(".whl")]
    return found[0]


def _entry_point(place: Path, name: str) -> str:
    found = configparser.ConfigParser()
    found.read(next(place.glob("*.dist-info/entry_points.txt")))
    return found["console_scripts"][name]


def _end(run: Run, code: str, message: str) -> None:
    result = {"SUCCESS": "SUCCESS", "USER_CANCELED": "CANCELED", "CANCELED": "CANCELED"}
    run["state"] = {"life_cycle_state": "TERMINATED", "state_message": message,
                    "result_state": result.get(code, "FAILED")}  # fmt: skip
    run["termination"] = {"code": code, "message": message, "type": _kind(code)}
    run["end_time"] = _now()


def _kind(code: str) -> str:
    if code == "SUCCESS":
        return "SUCCESS"
    if code in ("CLOUD_FAILURE", "STORAGE_ACCESS_ERROR"):
        return "CLOUD_FAILURE"
    return "INTERNAL_ERROR" if code in ("INTERNAL_ERROR", "DRIVER_ERROR") else "CLIENT_ERROR"


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def _now() -> int:
    return int(time.time() * 1000)
