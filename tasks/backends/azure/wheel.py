"""The wheel of ``model`` and ``data_checks`` that a cluster installs: equal code, equal bytes."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from functools import cached_property
from pathlib import Path

from tasks.backends.azure.volume import Volume
from tasks.source import LOCKS, ROOT

NAME = "image_classifier_mlops"


class Wheel:
    """This code's wheel in the volume, by its digest."""

    def __init__(self, volume: Volume) -> None:
        self._volume = volume

    def look(self) -> tuple[str, bool]:
        """Its path, and whether it is there."""
        parts = self._built[0]
        return self._volume.path(*parts), self._volume.has(*parts)

    @cached_property
    def path(self) -> str:
        """Its path; uploaded once for each content."""
        path, is_there = self.look()
        if not is_there:
            parts, data = self._built
            self._volume.put(data, *parts)
        return path

    @cached_property
    def _built(self) -> tuple[tuple[str, str, str], bytes]:
        name, data = build_wheel()
        return ("wheels", hashlib.sha256(data).hexdigest()[:16], name), data


def build_wheel() -> tuple[str, bytes]:
    """
    The wheel's file name and its bytes.

    Raises:
        RuntimeError: it could not be built.
    """
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory",
                   place]  # fmt: skip
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1580601600"}  # so that bytes are equal
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"the wheel could not be built:\n{done.stdout}{done.stderr}")
        file = next(Path(place).glob("*.whl"))
        return file.name, file.read_bytes()


def libraries(*beside: str) -> list[str]:
    """
    What the wheel needs beside itself, as ``name==version``.

    TensorFlow is leaving Databricks' runtime for machine learning, so it is never taken from there.

    Args:
        beside: packages that a program needs more than training does.
    """
    wanted = re.findall(r"^([a-zA-Z][\w.-]*)", _read("train.in") + _read("serve.in"), re.M)
    locked = "".join(_read(f"{name}.txt") for name in ("spark", "azure"))
    pinned = dict(re.findall(r"^([a-zA-Z][\w.-]*)==(\S+)", locked, re.M))
    return [f"{name}=={pinned[name]}" for name in (*wanted, "adlfs", *beside) if name in pinned]


def _read(name: str) -> str:
    return (LOCKS / name).read_text(encoding="utf-8")
