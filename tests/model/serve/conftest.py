"""A real service on a real port, with a small model that was really trained."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from model.config import TrainConfig
from model.train import train
from tests.conftest import picture

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    """Two easy classes: dark and bright."""
    root = tmp_path_factory.mktemp("data") / "light"
    for label, base in (("dark", 0), ("bright", 150)):
        for number in range(24):
            pixels = np.asarray(picture(number + base)) // 3 + base
            place = root / ("test" if number % 4 == 3 else "train") / label
            place.mkdir(parents=True, exist_ok=True)
            picture_of(pixels).save(place / f"{number}.png")
    return root


def picture_of(pixels):
    from PIL import Image

    return Image.fromarray(pixels.astype(np.uint8))


@pytest.fixture(scope="session")
def model_folder(pictures, tmp_path_factory) -> Path:
    """A model folder, made by the same program as any other."""
    out = tmp_path_factory.mktemp("model") / "out"
    assert train(data=str(pictures), out=out, config=TrainConfig(epochs=6, batch_size=8)) == 0
    return out


@pytest.fixture(scope="session")
def boot(model_folder) -> Iterator[Callable[..., Service]]:
    """Start services: ``boot("--version", "7")``; they end with the tests."""
    with contextlib.ExitStack() as stack:
        yield lambda *words, folder=model_folder: stack.enter_context(Service(folder, words))


@pytest.fixture(scope="session")
def service(boot) -> Service:
    return boot("--name", "light", "--version", "7")


@pytest.fixture
def ask(service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=20, trust_env=False) as client:
        yield client


class Service:
    """``python -m model.serve`` on a free port."""

    def __init__(self, folder: Path, words: tuple[str, ...]) -> None:
        # Short, for a Unix socket's path may have some hundred bytes.
        self.room = Path(tempfile.mkdtemp(prefix="svc-"))
        self.control = self.room / "control.sock"
        command = [
            sys.executable, "-m", "model.serve", "--model", str(folder), "--port", "0",
            "--ready-file", str(self.room / "ready.json"), "--control", str(self.control), *words,
        ]  # fmt: skip
        self.log = (self.room / "log").open("w")
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=self.log, stderr=self.log)

    def __enter__(self) -> Service:
        deadline = time.monotonic() + 30
        while not (self.room / "ready.json").exists():
            assert self.process.poll() is None, (self.room / "log").read_text()
            assert time.monotonic() < deadline, "the service did not come up"
            time.sleep(0.02)
        said = json.loads((self.room / "ready.json").read_text())
        self.url = f"http://127.0.0.1:{said['port']}"
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
