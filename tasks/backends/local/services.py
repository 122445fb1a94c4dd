"""One scoring service: a detached ``python -m model.serve`` and its folder."""

from __future__ import annotations

import dataclasses
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from tasks.backends.local.processes import end, running, start_detached, tail
from tasks.backends.local.sockets import control_path
from tasks.errors import Transient
from tasks.records import Deployment, ModelVersion
from tasks.state import read_json, write_whole

MODULE = "model.serve"
READY_WITHIN_S = 30.0


@dataclass(frozen=True)
class Service:
    """A service by its folder; whether it lives is asked of the system each time."""

    folder: Path
    deployment: Deployment | None = None

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def log(self) -> Path:
        return self.folder / "service.log"

    @property
    def control(self) -> Path:
        return control_path(self.folder)

    @property
    def private_url(self) -> str:
        """Address on which it answers before, and beside, the public port."""
        return f"http://127.0.0.1:{self._ready()['port']}"

    @property
    def pid(self) -> int | None:
        found = running(MODULE, str(self.folder / "ready.json"))
        return found[0].pid if found else None

    @property
    def model_folder(self) -> Path:
        """What it serves."""
        return Path((self.folder / "model").read_text(encoding="utf-8"))

    def is_alive(self) -> bool:
        return self.pid is not None

    def stop(self, patience_s: float) -> bool:
        """Let it finish what is in flight and end; say whether it was alive."""
        processes = running(MODULE, str(self.folder / "ready.json"))
        for process in processes:
            end(process, patience_s=patience_s)
        self.control.unlink(missing_ok=True)
        return bool(processes)

    def forget(self) -> None:
        """Remove the folder of a service that has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def with_deployment(self, deployment: Deployment) -> Service:
        return dataclasses.replace(self, deployment=deployment)

    def save(self) -> None:
        """Note what it serves, so that ``read_services`` finds it."""
        text = TypeAdapter(Deployment | None).dump_json(self.deployment, indent=1).decode()
        write_whole(self.folder / "deployment.json", text)

    def _ready(self) -> dict[str, object]:
        return read_json(self.folder / "ready.json") or {}


def start_service(services: Path, identifier: str, version: ModelVersion) -> Service:
    """
    Boot a service for ``version`` on a private port and wait until it answers.

    Raises:
        Transient: it ended, or was not ready within ``READY_WITHIN_S`` seconds.
    """
    service = Service(services / identifier)
    service.folder.mkdir(parents=True)
    ready = service.folder / "ready.json"
    write_whole(service.folder / "model", str(version.folder))
    process = start_detached(
        [
            sys.executable, "-m", MODULE,
            "--model", str(version.folder), "--port", "0",
            "--name", version.name, "--version", str(version.number),
            "--control", str(service.control), "--ready-file", str(ready),
            "--access-log", str(service.folder / "access.log"),
            "--capture", str(services.parent / "traffic"),
        ],
        service.log,
    )  # fmt: skip
    deadline = time.monotonic() + READY_WITHIN_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            service.stop(0)
            raise Transient(
                f"the service of {version.name} version {version.number} did not come up "
                f"(exit code {process.returncode}); its last words:\n{tail(service.log)}"
            )
        time.sleep(0.02)
    return service


def read_services(services: Path) -> list[Service]:
    """Every service that has a folder there, alive or not."""
    found = []
    for folder in sorted(services.glob("*/")):
        try:
            text = (folder / "deployment.json").read_bytes()
            found.append(Service(folder, TypeAdapter(Deployment).validate_json(text)))
        except (OSError, ValidationError):
            found.append(Service(folder))
    return found
