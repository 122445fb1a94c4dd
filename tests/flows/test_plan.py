"""``python -m flows plan``: what it says is what a release then does, and it changes nothing."""

from __future__ import annotations

import fnmatch
import functools
import re
from pathlib import Path

import pytest

from tests.cloud.databricks.workspace import HOST
from tests.cloud.parts import reached
from tests.cloud.stand_in import StandIn
from tests.flows.conftest import FAST, Flows
from tests.infra.engine import require_tools

GOLDEN = Path(__file__).parent / "golden"
OPTIONS = ("--backend", "azure", "--data", "az://images/light", *FAST)


@pytest.mark.cloud
def test_a_plan_changes_nothing_and_a_release_does_what_it_says(azure, cloud):
    for state in ("empty", "full"):
        plan_and_release(azure, cloud, state, *OPTIONS)


@pytest.mark.cloud
@pytest.mark.image
@pytest.mark.timeout(1200)
def test_a_plan_foresees_what_serving_takes(flows, pictures, tmp_path_factory):
    require_tools()
    with reached(tmp_path_factory.mktemp("cloud"), serves=True) as cloud:
        for file in sorted(pictures.rglob("*.png")):
            name = file.relative_to(pictures).as_posix()
            cloud.put("images", f"light/{name}", file.read_bytes())
        azure = functools.partial(flows, **cloud.environment, **cloud.serving())
        plan_and_release(azure, cloud, "serving_first", *OPTIONS)
        plan_and_release(azure, cloud, "serving_next", *OPTIONS, "--seed", "2")
    cloud.forget()


def plan_and_release(azure: Flows, cloud: StandIn, state: str, *options: str) -> None:
    """The plan is as it was, changes nothing, and the release makes the very calls it names."""
    blobs, writes = cloud.blobs(), writes_of(cloud)

    plan = azure("plan", *options)

    assert plan.returncode == 0, plan.stdout + plan.stderr
    assert cloud.blobs() == blobs
    assert writes_of(cloud) == writes
    assert plain(plan.stdout) == (GOLDEN / f"plan_{state}.txt").read_text(encoding="utf-8")

    released = azure("release", *options)

    assert released.returncode == 0, released.stdout + released.stderr
    made, leased = writes_of(cloud)[len(writes) :], []
    for name, mark in cloud.blobs().items():
        if blobs.get(name) != mark:
            made.append(f"PUT {cloud.storage.url}/mlops/{name}")
        elif name.startswith("locks/"):  # a lease on one that is there need not change it
            leased.append(f"PUT {cloud.storage.url}/mlops/{name}")
    foreseen = calls_of(plan.stdout)
    assert [call for call in foreseen if not fnmatch.filter(made + leased, call)] == []
    unforeseen = {
        call for call in made if not any(fnmatch.fnmatch(call, each) for each in foreseen)
    }
    assert unforeseen == set()


@pytest.mark.cloud
def test_a_price_that_is_missing_is_named(azure):
    done = azure("plan", *OPTIONS, MLOPS_NODE_TYPE="Standard_X1")

    assert done.returncode == 3, done.stdout + done.stderr
    assert "has no [machine.Standard_X1]; add it" in done.stderr


def test_a_plan_of_this_machine_is_what_a_release_finds(released, pictures):
    unchanged = released("plan", "--data", str(pictures), *FAST)
    other = released("plan", "--data", str(pictures), *FAST, "--seed", "9")

    assert unchanged.returncode == 0, unchanged.stdout + unchanged.stderr
    assert set(would(unchanged.stdout).values()) == {"skip"}
    assert would(other.stdout) == {
        "validate": "skip", "gate": "skip", "train": "run",
        "evaluate": "depends", "register": "depends", "deploy": "depends",
    }  # fmt: skip


def test_more_workers_than_there_are_cores_are_refused_before_anything_is_done(
    released, pictures, folder_of
):
    unknown = folder_of(cat=8, dog=8)
    for command, data in (("plan", pictures), ("release", pictures), ("release", unknown)):
        done = released(command, "--data", str(data), *FAST, "--workers", "900")
        assert done.returncode == 3, done.stdout + done.stderr
        missing = "each takes a core|make .venv/spark|Spark needs Java"
        assert re.search(f"--workers 900: .*({missing})", done.stderr)
        assert not re.search("^(validate|gate) +done", done.stdout, re.MULTILINE)


def would(printed: str) -> dict[str, str]:
    stages = "validate|gate|train|evaluate|register|deploy"
    return dict(re.findall(rf"^({stages}) +(skip|run|depends|refuse)", printed, re.MULTILINE))


def plain(printed: str) -> str:
    """Without what another commit changes: digests, and the name of the code."""
    code = re.sub(r"on (tree )?[0-9a-f]{7}( \+ changes)? yet", "on CODE yet", printed)
    return re.sub(r"\b[0-9a-f]{8,}\b", "DIGEST", code)


def calls_of(printed: str) -> list[str]:
    """``METHOD URL`` of each call that the plan names, but for the workspace's own storage."""
    found = re.findall(r"^  (PUT|POST|PATCH|DELETE) +(https://\S+)$", printed, re.MULTILINE)
    return [f"{method} {url}" for method, url in found]


def writes_of(cloud) -> list[str]:
    """What Databricks and Azure ML were asked to change; login and secrets change nothing."""
    reads = ("/listSecrets", "/create-download-url", "/listLogSasUrl")
    said = [
        (each["time"], f"{each['method']} https://{host}{each['url'].partition('?')[0]}")
        for site, host in (("databricks", HOST), ("arm", "management.azure.com"))
        for each in cloud.record.exchanges(site)
        if each["method"] not in ("GET", "HEAD")
        and not each["url"].partition("?")[0].endswith(reads)
    ]
    return [call for _, call in sorted(said)]
