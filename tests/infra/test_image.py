"""The image of the scoring service: run with few rights, and asked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pyarrow.parquet as parquet
import pytest

from benchmarks.load import press
from model.folder import ModelFolder
from tests.model.serve.test_switch import base64_of

pytestmark = pytest.mark.image

LOCAL = ("--host", "127.0.0.1", "--port", "0")
ASKED = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=10)
connection.request("GET", "/version", headers=dict([sys.argv[1].split(": ")]))
print(connection.getresponse().status)
"""


@pytest.fixture(scope="module")
def served(engine, image):
    with engine.serving(image, "--network=host", words=LOCAL) as container:
        yield container


def test_it_answers_as_at_training_time(served, model_folder):
    url = f"http://127.0.0.1:{served.port}"
    labels = ModelFolder.read(model_folder).labels
    known = parquet.read_table(model_folder / "replay.parquet").to_pylist()

    assert httpx.get(f"{url}/readyz", trust_env=False).json() == {"status": "ready"}
    assert len(known) == 12
    for row in known:
        answer = httpx.post(f"{url}/score", content=row["image"], trust_env=False,
                            headers={"Content-Type": "image/png"})  # fmt: skip
        found = {top["label"]: top["probability"] for top in answer.json()["predictions"][0]["top"]}
        expected = dict(zip(labels, row["probabilities"], strict=True))
        assert found == pytest.approx(expected, abs=1e-5)
        assert answer.headers["X-Model-Digest"] == ModelFolder.read(model_folder).digest


def test_its_pages_are_in_it(served):
    for page in ("/", "/docs", "/openapi.json", "/examples"):
        answer = httpx.get(f"http://127.0.0.1:{served.port}{page}", trust_env=False)
        assert answer.status_code == 200, page


def test_it_runs_as_nobody_with_no_rights_and_within_its_memory(engine, served):
    state = json.loads(engine("container", "inspect", served.name))[0]
    status = Path(f"/proc/{state['State']['Pid']}/status").read_text()

    assert re.search(r"^Uid:\s+65532\s+65532", status, re.MULTILINE)
    assert re.search(r"^Gid:\s+65532\s+65532", status, re.MULTILINE)
    assert re.search(r"^CapBnd:\s+0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert state["HostConfig"]["ReadonlyRootfs"]
    assert state["HostConfig"]["Memory"] == 512 * 1024**2
    assert state["HostConfig"]["NanoCpus"] == 1_000_000_000


@pytest.mark.parametrize("connections", [8, 64])
def test_under_load_it_answers_all_with_a_core_and_512_mebibytes(
    engine, served, tmp_path, connections
):
    body = tmp_path / "body.json"
    body.write_text(json.dumps({"data": base64_of(1, side=16)}))

    load = press(f"http://127.0.0.1:{served.port}/score", body, connections=connections, seconds=5)

    print(load)
    assert load.a_second > 0
    assert load.errors == 0
    state = json.loads(engine("container", "inspect", served.name))[0]["State"]
    assert (state["Running"], state["OOMKilled"]) == (True, False)


def test_sigterm_ends_it_well(engine, image):
    with engine.serving(image, "--network=host", words=LOCAL) as container:
        engine("stop", "--time=30", container.name)

        assert engine("container", "inspect", container.name, "--format={{.State.ExitCode}}") == "0"


def test_without_a_file_of_keys_it_refuses_to_be_reached(engine, image):
    done = engine.tried("run", "--rm", "--no-healthcheck", "--network=none", image)

    assert done.returncode == 2
    assert "/run/secrets/keys" in done.stderr


def test_it_asks_for_a_mounted_key_and_its_health_check_knows(engine, image, tmp_path):
    (tmp_path / "keys").write_text("a-key\n")
    mounted = f"--volume={tmp_path / 'keys'}:/run/secrets/keys:ro"
    check = engine.inspected(image)["Healthcheck"]["Test"][-1]

    with engine.serving(image, "--network=none", mounted) as container:
        beside = f"--network=container:{container.name}"

        assert container.port == 8000
        assert engine.python(image, ASKED, "X-Key: none", network=beside).stdout == "401\n"
        right = "Authorization: Bearer a-key"
        assert engine.python(image, ASKED, right, network=beside).stdout == "200\n"
        assert engine.python(image, check, network=beside).returncode == 0
    assert engine.python(image, check).returncode == 1
