"""What a team has: a repository with the pipelines, Azure, a Prefect server with workers."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.conftest import ROOT, plain_environment
from tests.flows.conftest import empty_database, until
from tests.pipelines.machine import Machine

PROGRAMS = Path(__file__).parent / "programs"
KEY = "pnu_0123456789"
GROUPS = ("mlops-dev", "mlops-prod")
FILES = ("azure-pipelines.yml", "Makefile", "prefect.yaml", ".gitignore", "LICENSE")
BASE = f"python:3.12-slim-bookworm@sha256:{'0' * 64}"


@dataclass(frozen=True)
class Site:
    """
    What a team has: a repository, Azure (a folder), a Prefect server.

    Attributes:
        repository: a copy of this project, whose gate is one quick test and one for each merge.
        azure: what the stand-in ``az`` keeps; worker/ is the code in the worker's container.
    """

    place: Path
    url: str

    @property
    def repository(self) -> Path:
        return self.place / "repository"

    @property
    def azure(self) -> Path:
        return self.place / "azure"

    @property
    def state(self) -> Path:
        """What the workers keep."""
        return self.place / "state"

    @property
    def environment(self) -> dict[str, str]:
        """Of a machine, before its agent adds its own."""
        kept = plain_environment("PREFECT_")
        return {**kept, "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
                "STAND_IN_AZ": str(self.azure)}  # fmt: skip

    def group(self, **more: str) -> dict[str, str]:
        """What docs/pipelines.md wants to be in a variable group."""
        return {
            "PREFECT_API_URL": self.url, "KEY_VAULT": "kv-mlops", "AZURE_RESOURCE_GROUP": "rg",
            "AZURE_CONTAINER_REGISTRY": "acrmlops", "MLOPS_BASE_IMAGE": BASE, **more,
        }  # fmt: skip

    def merged(self, number: int) -> str:
        """A commit on main that adds a test to the gate; its name."""
        test = self.repository / "tests" / "model" / f"test_{number}.py"
        test.write_text("import pytest\n\n\n@pytest.mark.gate\ndef test_it():\n    assert 1\n")
        git(self.repository, "add", "--all")
        git(self.repository, "commit", "--quiet", "--message", f"$(touch hacked) {number}")
        return git(self.repository, "rev-parse", "HEAD")

    def clone(self, folder: Path) -> None:
        """The code, and packages that are installed already."""
        git(folder, "init", "--quiet")
        git(folder, "fetch", "--quiet", "--depth", "1", str(self.repository), "main")
        git(folder, "checkout", "--quiet", "FETCH_HEAD")
        (folder / ".venv").mkdir()
        for each in (ROOT / ".venv").iterdir():
            (folder / ".venv" / each.name).symlink_to(each)
        for stamp in ("uv", "dev", "app", "pipeline"):
            (folder / ".venv" / stamp).unlink(missing_ok=True)
            (folder / ".venv" / stamp).touch()

    def stop(self) -> None:
        """End what serves."""
        done = subprocess.run(
            [sys.executable, "-m", "flows", "stop"], cwd=ROOT, text=True, capture_output=True,
            env={**self.environment, "MLOPS_HOME": str(self.state)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def machine(self, **instead: str) -> Machine:
        return Machine(
            self.place / "agent", self.environment, self.clone, {"prefect-api-key": KEY},
            set(GROUPS), instead,
        )  # fmt: skip


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextlib.contextmanager
def worker(site: Site, pool: str, **environment: str) -> Iterator[Path]:
    """A worker of the pool, as its container runs it; its log."""
    log = site.place / f"{pool}.log"
    if not site.state.exists():
        site.state.mkdir()
        (site.state / "mlflow.db").write_bytes(empty_database())
    mine = {**site.environment, "PREFECT_API_URL": site.url, "MLOPS_HOME": str(site.state),
            "PYTHONPATH": str(site.azure / "worker"), "PREFECT_WORKER_QUERY_SECONDS": "1",
            **environment}  # fmt: skip
    words = [str(Path(sys.executable).with_name("prefect")), "worker", "start", "--pool", pool,
             "--type", "process"]  # fmt: skip
    with (
        log.open("w") as file,
        subprocess.Popen(words, cwd=site.place, env=mine, stdout=file, stderr=file) as started,
    ):
        until(lambda: httpx.get(f"{site.url}/work_pools/{pool}", trust_env=False).is_success)
        yield log
        started.send_signal(signal.SIGINT)


@contextlib.contextmanager
def served(site: Site) -> Iterator[None]:
    """ends/here of tests/flows/ends.py: runs that last as long as they are told."""
    mine = {**site.environment, "PREFECT_API_URL": site.url, "PREFECT_RUNNER_POLL_FREQUENCY": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.flows.ends", "here"], cwd=ROOT, env=mine,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as started:  # fmt: skip
        until(
            lambda: httpx.get(f"{site.url}/deployments/name/ends/here", trust_env=False).is_success
        )
        yield
        started.send_signal(signal.SIGINT)


def states(site: Site, flow: str) -> list[str]:
    """Of all runs of a flow."""
    found = httpx.post(f"{site.url}/flow_runs/filter", trust_env=False,
                       json={"flows": {"name": {"any_": [flow]}}})  # fmt: skip
    return [each["state"]["type"] for each in found.raise_for_status().json()]
