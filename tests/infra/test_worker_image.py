"""The image of the Prefect worker: really built, and at work for a real Prefect server."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.server import prefect_server
from tests.conftest import ROOT
from tests.flows.conftest import free_port
from tests.infra.engine import run

pytestmark = pytest.mark.image
CHECKOUT, POOL = "/opt/mlops", "mlops"
AS_IN_AZURE = ("--cap-drop=all", "--security-opt=no-new-privileges", "--memory=2g", "--cpus=2")


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """Of this checkout, with nothing beside what HEAD names."""
    made = tmp_path_factory.mktemp("clone") / "checkout"
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{ROOT}", made], check=True)
    return made


@pytest.fixture(scope="module")
def image(engine, base, clone, tmp_path_factory) -> str:
    """Built of the clone; packages come by this machine's own ways."""
    uv = tmp_path_factory.mktemp("uv") / "uv.toml"
    uv.write_text("native-tls = true\n", encoding="utf-8")
    mounts = {"/etc/ssl/certs": "/etc/ssl/certs", "/etc/pip.conf": "/etc/pip.conf",
              str(Path.home() / ".config" / "pip"): "/root/.config/pip"}  # fmt: skip
    options = [f"--volume={here}:{there}:ro" for here, there in mounts.items()
               if Path(here).exists()]  # fmt: skip
    done = run(
        clone / "infra" / "build-worker", base, BUILDER="buildah",
        OPTIONS=" ".join([*options, f"--volume={uv}:/etc/uv/uv.toml:ro"]), **engine.environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return dict(line.split() for line in done.stdout.splitlines())["image"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A real Prefect server with a pool of processes."""
    import socket

    listener = socket.create_server(("127.0.0.1", 0))
    with prefect_server(tmp_path_factory.mktemp("state"), listener, has_ui=False) as url:
        api = httpx.Client(base_url=url, timeout=30, trust_env=False)
        api.post("/work_pools/", json={"name": POOL, "type": "process"}).raise_for_status()
        yield api


@pytest.fixture(scope="module")
def worker(engine, image, server):
    """A worker in a container; the port of its health check."""
    port = free_port()
    settings = {
        "PREFECT_API_URL": str(server.base_url).rstrip("/"), "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1", "PREFECT_WORKER_WEBSERVER_PORT": port,
    }  # fmt: skip
    name = engine(
        "run", "-d", "--network=host", *AS_IN_AZURE,
        *(f"--env={key}={value}" for key, value in settings.items()), image,
        "prefect", "worker", "start", "--pool", POOL, "--type", "process",
        "--install-policy", "never", "--with-healthcheck",
    )  # fmt: skip
    yield port
    print(engine("logs", name)[-4000:])
    engine("rm", "--force", "--time=5", name)


def until(look: Callable[[], Any], what: str, within_s: float = 120.0) -> Any:
    """What ``look`` gives, once it gives anything."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.5)
    return found


def test_the_worker_reports_for_work_and_says_that_it_is_well(server, worker):
    def online() -> list[dict[str, Any]]:
        found = server.post(f"/work_pools/{POOL}/workers/filter", json={}).json()
        return [each for each in found if each["status"] == "ONLINE"]

    def healthy() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{worker}/health", trust_env=False).is_success
        except httpx.TransportError:
            return False

    assert len(until(online, "the worker to report")) == 1
    assert until(healthy, "the health check")


def test_a_run_of_a_deployment_is_done_in_the_worker(server, worker):
    """A release of what is not there: refused by the flow itself, with its own words."""
    flow = server.post("/flows/", json={"name": "release"}).raise_for_status().json()
    deployment = server.post("/deployments/", json={
        "name": "here", "flow_id": flow["id"], "entrypoint": "flows/release.py:release",
        "work_pool_name": POOL, "parameters": {"data": "/nowhere", "backend": "local"},
        "pull_steps": [
            {"prefect.deployments.steps.set_working_directory": {"directory": CHECKOUT}}
        ],
    }).raise_for_status().json()  # fmt: skip
    begun = server.post(f"/deployments/{deployment['id']}/create_flow_run", json={})
    number = begun.raise_for_status().json()["id"]

    def ended() -> dict[str, Any]:
        found: dict[str, Any] = server.get(f"/flow_runs/{number}").json()
        return found if found["state_type"] in ("FAILED", "COMPLETED", "CRASHED") else {}

    found = until(ended, "the run to end", within_s=180)
    assert found["state_name"] == "Refused", found["state"]
    assert "/nowhere" in found["state"]["message"]


def test_the_image_knows_its_commit_and_has_all_that_releases_to_azure_need(engine, image, clone):
    head = subprocess.run(
        ["git", "-C", str(clone), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    code = (
        "import os, shutil; from prefect_azure.workers.container_instance import "
        "AzureContainerWorker as worker; from tasks.source import read_code; "
        "import flows.release, flows.promote, flows.rollback; "
        "print(worker.type, read_code().commit, read_code().is_dirty, os.getuid(), "
        "os.access('/opt/mlops', os.W_OK), shutil.which('uv'), shutil.which('cyclonedx-py'))"
    )

    done = engine.tried(
        "run", "--rm", "--network=none", *AS_IN_AZURE, "--entrypoint=python3", image, "-c", code
    )

    assert done.stdout.split() == [
        "azure-container-instance", head, "False", "65532", "False", "/opt/venv/bin/uv",
        "/opt/venv/bin/cyclonedx-py",
    ], done.stderr  # fmt: skip
    assert engine.inspected(image)["Labels"]["org.opencontainers.image.revision"] == head
    assert engine.inspected(image)["Config"]["User"] == "65532:65532"


@pytest.mark.parametrize("secret", ["AccountKey=", "BEGIN PRIVATE KEY", "pnu_"])
def test_no_secret_is_in_its_history_or_settings(engine, image, secret):
    assert secret not in engine("image", "inspect", image)
