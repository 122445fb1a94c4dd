"""The wheel of ``model`` and ``data_checks`` that a cluster installs: equal code, equal bytes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tasks.source import LOCKS, ROOT

NAME = "image_classifier_mlops"
ENTRY = "train"  # of the wheel: python -m model.train


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


def libraries() -> list[str]:
    """
    What the wheel needs beside itself, as ``name==version``.

    TensorFlow is leaving Databricks' runtime for machine learning, so it is never taken from there.
    """
    wanted = re.findall(r"^([a-zA-Z][\w.-]*)", _read("train.in") + _read("serve.in"), re.M)
    pinned = dict(re.findall(r"^([a-zA-Z][\w.-]*)==(\S+)", _read("train.txt"), re.M))
    return [f"{name}=={pinned[name]}" for name in wanted if name in pinned]


def _read(name: str) -> str:
    return (LOCKS / name).read_text(encoding="utf-8")
