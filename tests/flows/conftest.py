"""The command line on a checkout of its own, whose gate is one quick test."""

from __future__ import annotations

import functools
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.conftest import ROOT, plain_environment

if TYPE_CHECKING:
    from tests.cloud.stand_in import StandIn
    from tests.flows.pages import Pages

ROOMS = ("flows", "tasks", "model", "data_checks", "infra")
QUICK = """
import pytest

pytestmark = pytest.mark.gate


def test_two_labels_are_two():
    from model.network import NETWORKS

    assert "baseline" in NETWORKS
"""
IN_AZURE = ("release", "--backend", "azure", "--data", "az://images/light")
FAST = ("--epochs", "4", "--batch-size", "8")
SELDOM = functools.partial(pytest.param, marks=pytest.mark.endurance)  # its twin is always run

Flows = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True)
class Checkout:
    """A copy of the code with a state folder of its own."""

    root: Path
    url: str

    @property
    def state(self) -> Path:
        return self.root / ".mlops"

    @property
    def environment(self) -> dict[str, str]:
        return {**plain_environment(), "PREFECT_API_URL": self.url}

    def __call__(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flows", *words],
            cwd=self.root, env={**self.environment, **environment},
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "flows", *words],
            cwd=self.root, env={**self.environment, **environment}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


def copied(place: Path, url: str) -> Checkout:
    for room in ROOMS:
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / room, place / room, ignore=skip)
    gate = place / "tests" / "model"
    gate.mkdir(parents=True)
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, place)
    (gate / "test_quick.py").write_text(QUICK)
    (place / ".mlops").mkdir()
    (place / ".mlops" / "mlflow.db").write_bytes(empty_database())
    return Checkout(place, url)


@functools.cache
def empty_database() -> bytes:
    """MLflow's database without runs. MLflow takes seconds to make one; tests/contract let it."""
    from tasks.backends.local.registry import MlflowRegistry

    with tempfile.TemporaryDirectory() as place:
        registry = MlflowRegistry(Path(place))
        assert registry.names() == []
        return (Path(place) / "mlflow.db").read_bytes()


@pytest.fixture
def flows(tmp_path, prefect_url) -> Iterator[Checkout]:
    """A checkout on which nothing was released."""
    made = copied(tmp_path / "checkout", prefect_url)
    yield made
    if (made.state / "endpoints").exists():
        made("stop")


@pytest.fixture
def azure(flows, cloud, pictures) -> Flows:
    """The command line of a checkout, beside a cloud that has the pictures."""
    for file in sorted(pictures.rglob("*.png")):
        cloud.put("images", f"light/{file.relative_to(pictures).as_posix()}", file.read_bytes())
    return lambda *words, **more: flows(*words, **{**cloud.environment, **more})


@pytest.fixture(scope="session")
def released(tmp_path_factory, prefect_url, pictures) -> Iterator[Checkout]:
    """A checkout on which the dark and bright pictures were released once."""
    made = copied(tmp_path_factory.mktemp("released") / "checkout", prefect_url)
    done = made("release", "--data", str(pictures), *FAST, "--port", free_port())
    assert done.returncode == 0, done.stdout + done.stderr
    yield made
    made("stop")


@pytest.fixture(scope="session")
def pages(tmp_path_factory) -> Iterator[Pages]:
    """Prefect's pages as `make ui` starts them, for a checkout on which nothing was released."""
    from tests.flows.pages import opened

    with opened(tmp_path_factory.mktemp("pages") / "checkout") as made:
        yield made


def versions_in_azure(cloud: StandIn, name: str) -> list[dict]:
    """What the registry holds of a model, as its service tells it."""
    known = cloud.arm.known
    place = next((key for key in known.identifiers() if key.endswith(f"/models/{name}")), None)
    return known.below(f"{place}/versions") if place else []


def until(is_so: Callable[[], bool], *, seconds: float = 120) -> None:
    """Wait for it, not longer than that."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not so within {seconds:g} s"
        time.sleep(0.2)


def free_port() -> str:
    """A port that no other test takes: those of endpoints are looked for from 8000 on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


def verdicts(printed: str) -> dict[str, str]:
    """Stage → verdict, from the table at the end."""
    rows = re.findall(
        r"^(validate|gate|train|evaluate|register|deploy) +(done|skipped|refused|failed)",
        printed, re.MULTILINE,
    )  # fmt: skip
    return dict(rows)


def url_of(checkout: Checkout, name: str | None = None) -> str:
    """The address of an endpoint, by its name where there are several."""
    if name:
        place = checkout.state / "endpoints" / name
        live = json.loads((place / "state.json").read_text())["live"]
        told = json.loads((place / "services" / live / "deployment.json").read_text())
        return f"http://127.0.0.1:{urlsplit(told['url']).port}"
    return re.search(r"http://127\.0\.0\.1:\d+", checkout("status").stdout)[0]


def version_at(url: str) -> dict:
    return httpx.get(f"{url}/version", timeout=10, trust_env=False).json()


def registered(checkout) -> list[str]:
    return sorted(path.name for path in (checkout.state / "models").glob("*"))


def processes_of(checkout: Checkout) -> dict[int, list[str]]:
    """Every process that works in the checkout: its words by its id."""
    found = {}
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if str(checkout.root) in (process.cwd(), *words) or any(
                word.startswith(str(checkout.root)) for word in words
            ):
                found[process.pid] = words
        except psutil.Error:
            continue
    return found
