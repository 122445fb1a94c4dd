"""A real service on a real port, with a small model that was really trained."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="session")
def boot(model_folder) -> Iterator[Callable[..., Service]]:
    """Start services: ``boot("--version", "7")``; they end with the tests."""
    with contextlib.ExitStack() as stack:
        yield lambda *words, folder=model_folder, code=ROOT: stack.enter_context(
            Service(folder, words, code)
        )


@pytest.fixture(scope="session")
def service(boot) -> Service:
    return boot("--name", "light", "--version", "7")


@pytest.fixture
def ask(service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=20, trust_env=False) as client:
        yield client


class Service:
    """``python -m model.serve`` of the code in a folder, on a free port."""

    def __init__(self, folder: Path, words: tuple[str, ...], code: Path = ROOT) -> None:
        # Short, for a Unix socket's path may have some hundred bytes.
        self.room = Path(tempfile.mkdtemp(prefix="svc-"))
        self.control = self.room / "control.sock"
        command = [
            sys.executable, "-m", "model.serve", "--model", str(folder), "--port", "0",
            "--ready-file", str(self.room / "ready.json"), "--control", str(self.control), *words,
        ]  # fmt: skip
        self.log = (self.room / "log").open("w")
        self.process = subprocess.Popen(command, cwd=code, stdout=self.log, stderr=self.log)

    def __enter__(self) -> Service:
        deadline = time.monotonic() + 30
        while not (self.room / "ready.json").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = (self.room / "log").read_text()
                self.__exit__()
                raise AssertionError(f"the service did not come up:\n{said}")
            time.sleep(0.02)
        said = json.loads((self.room / "ready.json").read_text())
        self.url = f"http://127.0.0.1:{said['port']}"
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
        shutil.rmtree(self.room, ignore_errors=True)
