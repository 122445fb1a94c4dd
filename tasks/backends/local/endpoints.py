"""
Endpoints on the loopback address: each a port, behind which services change with no request lost.

    endpoints/<name>/state.json        which service is live, or was when it was stopped; written
                                       whole, after the switch
    endpoints/<name>/services/<id>/    one service: what it serves, its log, its address

The listening socket is handed from the old service to the new one (``model.serve.control``), so the
port never closes in between. Killed at any point, ``state.json`` still says who is live, and
``_tidy`` ends every service that is not.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shlex
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from model.serve import control
from tasks.backends.local.addresses import bind, bind_first_free, url_of
from tasks.backends.local.services import Service, read_services, start_service
from tasks.errors import Transient
from tasks.ports import Watch
from tasks.records import Deployment, ModelVersion
from tasks.replay import known_image, replay
from tasks.source import serving_code
from tasks.state import read_json, write_whole

DRAIN_S = 15.0


@dataclass(frozen=True)
class Found:
    """What ``status`` says of one endpoint."""

    name: str
    deployment: Deployment | None  # none: its files are damaged, what serves is unknown
    pid: int | None
    is_stopped: bool = False  # on purpose

    @property
    def is_alive(self) -> bool:
        return self.pid is not None

    @property
    def is_dead(self) -> bool:
        """It should answer, and does not."""
        return not self.is_alive and not self.is_stopped


class LoopbackEndpoints:
    """Blue/green on one machine: the new service boots and proves itself beside the old one."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "endpoints"

    def live(self, name: str) -> Deployment | None:
        """What answers at this endpoint now."""
        service = self._live_service(name)
        return service.deployment if service and _answers(service) else None

    def found(self) -> list[Found]:
        """Every endpoint that was deployed here, alive or not."""
        endpoints = []
        for path in sorted(self._folder.glob("*/state.json")):
            name, service = path.parent.name, self._live_service(path.parent.name)
            if service is None or service.deployment is None:
                endpoints.append(Found(name, None, None))
                continue
            pid = service.pid if _answers(service) else None
            stopped = pid is None and self._is_stopped(name)
            endpoints.append(Found(name, service.deployment, pid, stopped))
        return endpoints

    def deploy(self, version: ModelVersion, port: int | None, watch: Watch) -> Deployment:
        """Boot, replay known images, switch; see ``tasks.ports.Endpoints``."""
        old = self._live_service(version.name)
        self._tidy(version.name, keep=old)
        if old and old.deployment and _answers(old) and _is_same(old, version, port):
            return old.deployment
        with self._socket(version.name, old, port, watch) as listener:
            new = start_service(self._folder / version.name / "services", _new_id(version), version)
            try:
                watch(f"version {version.number} is up (process {new.pid}); replaying known images")
                with httpx.Client(base_url=new.private_url, timeout=30, trust_env=False) as client:
                    found = replay(client, version.folder)
                watch(f"{found.images} known images answered as at training time "
                      f"(gap {found.max_gap:.2g})")  # fmt: skip
                deployment = Deployment(
                    version.name, url_of(listener), version.number, version.digest,
                    found.images, found.max_gap, identity=serving_code(),
                    example=self._example(version, url_of(listener)),
                )  # fmt: skip
                control.take(new.control, listener)
                live = new.with_deployment(deployment)
                self._write_state(version.name, live)
            except BaseException:
                new.stop(DRAIN_S)
                raise
        self._tidy(version.name, keep=live)
        return deployment

    def restore(self, name: str, watch: Watch) -> Deployment:
        """Start the version again whose service died, at the same address."""
        old = self._live_service(name)
        if old is None or old.deployment is None:
            raise Transient(f"{name} was never deployed; `python -m flows` does it")
        live = old.deployment
        version = ModelVersion(name, live.version, live.digest, old.model_folder)
        return self.deploy(version, live.port, watch)

    def repair(self, name: str, watch: Watch) -> None:
        """Start a service again that died, at its address; end what a crash left beside it."""
        for each in self.found():
            if each.name != name or each.deployment is None:
                continue  # where it is not sure which service is the live one: end none
            if each.is_dead:
                live = self.restore(name, watch)
                watch(f"{name} version {live.version} serves again at {live.url}")
            self._tidy(name, keep=self._live_service(name))

    def names(self) -> list[str]:
        """Of every endpoint that was deployed here."""
        return sorted(path.parent.name for path in self._folder.glob("*/state.json"))

    def stop(self, name: str) -> bool:
        """Stop every service of the endpoint; the next one takes its address again."""
        live = self._live_service(name)
        if live:
            self._write_state(name, live, stopped=True)
        services = read_services(self._folder / name / "services")
        was_alive = [service for service in services if service.stop(DRAIN_S)]
        return bool(was_alive)

    def _live_service(self, name: str) -> Service | None:
        state = read_json(self._folder / name / "state.json") or {}
        for service in read_services(self._folder / name / "services"):
            if service.id == state.get("live"):
                return service
        return None

    def _is_stopped(self, name: str) -> bool:
        return bool((read_json(self._folder / name / "state.json") or {}).get("stopped"))

    def _promised(self) -> set[int]:
        """Ports of endpoints that do not answer now, and shall find them free again."""
        return {each.deployment.port for each in self.found() if each.deployment}

    def _write_state(self, name: str, service: Service, *, stopped: bool = False) -> None:
        service.save()
        state = json.dumps({"live": service.id, "stopped": stopped})
        write_whole(self._folder / name / "state.json", f"{state}\n")

    def _example(self, version: ModelVersion, url: str) -> str:
        """A command that asks about a known image, which is put beside the state."""
        path, row = self._folder / version.name / "example.png", known_image(version.folder)
        path.write_bytes(row["image"])
        return (
            f"curl -s -H 'Content-Type: image/png' --data-binary @{shlex.quote(str(path))} "
            f"{url}/score   # a picture of: {row['label']}"
        )

    def _tidy(self, name: str, keep: Service | None) -> None:
        """End services of this endpoint that are not live: left behind by a crash, or replaced."""
        for service in read_services(self._folder / name / "services"):
            if keep is None or service.id != keep.id:
                service.stop(DRAIN_S)
                service.forget()

    @contextlib.contextmanager
    def _socket(
        self, name: str, old: Service | None, port: int | None, watch: Watch
    ) -> Iterator[socket.socket]:
        """The public listening socket: the old service's own, or a new one on a free port."""
        wanted = port or (old.deployment.port if old and old.deployment else None)
        if old and old.is_alive() and not _answers(old):
            watch(f"the service of {name} hangs (process {old.pid}): it is ended")
            old.stop(DRAIN_S)
        if old and _answers(old) and old.deployment and wanted == old.deployment.port:
            listener = control.give(old.control)
        elif wanted:
            listener = bind(wanted)
        else:
            listener = bind_first_free(self._promised(), watch)
        with listener:
            yield listener


def _answers(service: Service) -> bool:
    """Does it serve what it should, at its public address? Three tries: it may be busy."""
    if not service.deployment or not service.is_alive():
        return False
    for _ in range(3):
        with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
            said = httpx.get(f"{service.deployment.url}/version", timeout=2, trust_env=False).json()
            return bool(said["digest"] == service.deployment.digest)
        time.sleep(0.2)
    return False


def _is_same(old: Service, version: ModelVersion, port: int | None) -> bool:
    live = old.deployment
    return (
        live is not None
        and live.version == version.number
        and live.digest == version.digest
        and live.identity == serving_code()
        and port in (None, live.port)
    )


def _new_id(version: ModelVersion) -> str:
    return f"v{version.number}-{version.digest[:8]}-{secrets.token_hex(3)}"
