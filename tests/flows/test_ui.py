"""`make ui`: server, worker and deployments come up together and end together."""

from __future__ import annotations

import signal
import time

import httpx
import pytest

from tests.conftest import ROOT
from tests.flows.conftest import SELDOM, free_port, processes_of, until
from tests.flows.pages import ENDLESS, opened

FLOWS = ("release", "rollback", "tune", "score", "monitor", "sweep")


@pytest.mark.slow
@pytest.mark.parametrize("word", [signal.SIGINT, SELDOM(signal.SIGKILL)])
def test_a_release_that_runs_ends_with_the_pages(tmp_path, pictures, word):
    with opened(tmp_path / "checkout", word) as pages:
        given = {"data": str(pictures), "config": ENDLESS, "rules": {"min_accuracy": 0}}
        run = pages.begin("release/local", **given)
        until(lambda: "epoch 2/" in pages.log(run))

    until(lambda: processes_of(pages.checkout) == {}, seconds=30)


@pytest.mark.parametrize(("word", "code"), [(signal.SIGINT, 0), (signal.SIGKILL, -9)])
def test_it_serves_the_deployments_and_leaves_nothing(flows, word, code):
    (flows.root / "prefect.yaml").write_text((ROOT / "prefect.yaml").read_text())
    port = free_port()
    begun = flows.start("ui", "--port", port)
    for line in begun.stdout:
        if "Ctrl-C" in line:
            break

    api = httpx.Client(base_url=f"http://127.0.0.1:{port}/api", timeout=20, trust_env=False)
    found = api.post("/deployments/filter", json={}).raise_for_status().json()
    begun.send_signal(word)
    begun.communicate(timeout=60)
    assert begun.returncode == code

    mine = {each["entrypoint"] for each in found}
    assert mine == {
        f"flows/{name}.py:{name}" for name in FLOWS if (ROOT / "flows" / f"{name}.py").is_file()
    }
    for _ in range(50):
        if not (left := processes_of(flows)):
            break
        time.sleep(0.2)
    assert left == {}
