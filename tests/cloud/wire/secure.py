"""What is secret in a container group: taken out of it, kept in files of its own, never told."""

from __future__ import annotations

import base64
import copy
import json
import os
import shutil
from pathlib import Path
from typing import Any

from tests.cloud.wire.record import Record

SHORTEST = 6  # that can be struck out of a record without harm to it


def take(group: dict[str, Any], place: Path, record: Record) -> None:
    """
    Take it out of ``group``; ``place`` holds it afterwards, and nothing of a group before.

    Files of secret volumes are readable to whoever the container runs as.
    """
    forget(place)
    place.mkdir(parents=True, mode=0o700)
    told: list[str] = []
    for volume in group["properties"].get("volumes") or []:
        for name, value in (volume.get("secret") or {}).items():
            file = volume_folder(place, volume["name"]) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(base64.b64decode(value))
            told += [value, file.read_text(encoding="utf-8", errors="replace").strip()]
        if "secret" in volume:
            volume["secret"] = {}
        if "emptyDir" in volume:
            empty = volume_folder(place, volume["name"])
            empty.mkdir(parents=True)
            empty.chmod(0o777)
    secure: dict[str, str] = {}
    for container in group["properties"]["containers"]:
        for variable in container["properties"].get("environmentVariables") or []:
            if (value := variable.pop("secureValue", None)) is not None:
                secure[variable["name"]] = value
    for credential in group["properties"].get("imageRegistryCredentials") or []:
        told.append(credential.pop("password", None) or "")
    analytics = (group["properties"].get("diagnostics") or {}).get("logAnalytics") or {}
    told.append(analytics.pop("workspaceKey", None) or "")
    _write(place / "environment.json", secure)
    for secret in {*told, *secure.values()}:
        hide(secret, record)


def hide(secret: str, record: Record) -> None:
    """Let the record strike it out, however it is written there."""
    if len(secret) >= SHORTEST:
        record.secrets.update({secret, json.dumps(secret)[1:-1]})


def forget(place: Path) -> None:
    """Keep nothing of it any more."""
    shutil.rmtree(place, ignore_errors=True)


def environment(place: Path) -> dict[str, str]:
    """Secure variables of the container."""
    file = place / "environment.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def volume_folder(place: Path, name: str) -> Path:
    """Where the files of a volume are."""
    return place / "volumes" / name


def masked(request: dict[str, Any]) -> dict[str, Any]:
    """A request for a build without the values of its secret arguments."""
    told = copy.deepcopy(request)
    for argument in told.get("arguments") or []:
        if argument.get("isSecret"):
            argument["value"] = ""
    return told


def _write(file: Path, value: Any) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        json.dump(value, stream)
