"""
What every backend promises of its endpoints: nothing bad goes live, and nothing is lost.

Here on this machine; in Azure each takes containers, and tests/cloud has them.
"""

from __future__ import annotations

import shutil
import socket

import httpx
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from tasks.errors import Refused, Transient
from tests.contract.conftest import approved_of, only_here, tags_of

pytestmark = only_here


def quiet(_line: str) -> None: ...


@pytest.fixture
def version_of(backend, job):
    def run(folder):
        approved = approved_of(job, folder)
        return backend.registry.register(approved, "light", tags_of(approved))

    return run


def answering(url: str) -> str:
    return httpx.get(f"{url}/version", timeout=10, trust_env=False).json()["version"]


def test_a_version_serves_after_it_proved_itself(backend, version_of, model_folder):
    assert backend.endpoints.live("light") is None

    deployment = backend.endpoints.deploy(version_of(model_folder), None, quiet)

    assert answering(deployment.url) == "1"
    assert deployment.replayed == 12
    assert deployment.max_gap < 1e-5
    assert backend.endpoints.live("light") == deployment


def test_the_same_version_is_not_deployed_twice(backend, version_of, model_folder):
    version = version_of(model_folder)
    first = backend.endpoints.deploy(version, None, quiet)
    pid = httpx.get(f"{first.url}/version", trust_env=False).json()["pid"]

    again = backend.endpoints.deploy(version, None, quiet)

    assert again == first
    assert httpx.get(f"{first.url}/version", trust_env=False).json()["pid"] == pid


def test_the_next_version_takes_over_the_address(backend, version_of, model_folder, another_folder):
    first = backend.endpoints.deploy(version_of(model_folder), None, quiet)
    with httpx.Client(base_url=first.url, trust_env=False) as client:
        assert client.get("/version").json()["version"] == "1"

        second = backend.endpoints.deploy(version_of(another_folder), None, quiet)

        assert second.url == first.url
        assert client.get("/version").json()["version"] == "2"


def test_wrong_answers_never_go_live(backend, version_of, model_folder, another_folder):
    first = backend.endpoints.deploy(version_of(model_folder), None, quiet)
    bad = version_of(another_folder)
    rows = parquet.read_table(bad.folder / "replay.parquet").to_pylist()
    for row in rows:
        row["probabilities"] = row["probabilities"][::-1]
    parquet.write_table(arrow.Table.from_pylist(rows), bad.folder / "replay.parquet")

    with pytest.raises((Refused, Transient)):  # a changed folder does not even boot
        backend.endpoints.deploy(bad, None, quiet)

    assert answering(first.url) == "1"
    assert backend.endpoints.live("light") == first


def test_answers_unlike_those_at_training_time_are_refused(backend, version_of, another_folder):
    from model.folder import ModelFolder, write_manifest

    rows = parquet.read_table(another_folder / "replay.parquet").to_pylist()
    for row in rows:
        row["probabilities"] = row["probabilities"][::-1]
    parquet.write_table(arrow.Table.from_pylist(rows), another_folder / "replay.parquet")
    old = ModelFolder.read(another_folder).manifest
    facts = {k: v for k, v in old.items() if k not in ("files", "model_digest")}
    write_manifest(another_folder, **facts)

    with pytest.raises(Refused, match="at training time"):
        backend.endpoints.deploy(version_of(another_folder), None, quiet)

    assert backend.endpoints.live("light") is None


def test_a_version_that_does_not_boot_leaves_the_former_one(
    backend, version_of, model_folder, another_folder
):
    first = backend.endpoints.deploy(version_of(model_folder), None, quiet)
    broken = version_of(another_folder)
    shutil.rmtree(broken.folder)

    with pytest.raises(Transient, match="did not come up"):
        backend.endpoints.deploy(broken, None, quiet)

    assert answering(first.url) == "1"


def test_a_port_that_is_held_is_named_with_its_owner(backend, version_of, model_folder):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(Transient, match=rf"port {port} is held by .*process"):
            backend.endpoints.deploy(version_of(model_folder), port, quiet)


def test_a_stopped_endpoint_answers_no_more(backend, version_of, model_folder):
    with socket.create_server(("127.0.0.1", 0)) as free:  # other tests take those from 8000 on
        port = free.getsockname()[1]
    deployment = backend.endpoints.deploy(version_of(model_folder), port, quiet)

    assert backend.endpoints.stop("light")
    assert not backend.endpoints.stop("light")

    with pytest.raises(httpx.ConnectError):
        answering(deployment.url)


def test_a_stopped_endpoint_comes_back_at_its_address(backend, version_of, model_folder):
    with socket.create_server(("127.0.0.1", 0)) as free:  # other tests take those from 8000 on
        port = free.getsockname()[1]
    before = backend.endpoints.deploy(version_of(model_folder), port, quiet)
    backend.endpoints.stop("light")

    after = backend.endpoints.deploy(version_of(model_folder), None, quiet)

    assert after.url == before.url
    assert answering(after.url) == "1"
