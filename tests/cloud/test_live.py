"""``--live`` asks a subscription, and leaves it as it was; the stand-in cloud stands for one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cloud.databricks.workspace import VOLUME
from tests.cloud.stand_in import StandIn
from tests.conftest import ROOT

pytestmark = pytest.mark.cloud

OTHERS = "mlops train 0123456789abcdef"  # a run of somebody's release


def live(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``python -m pytest --live`` in a shell that has no settings but these."""
    told = ("AZURE", "DATABRICKS", "MLOPS", "MLFLOW", "PYTEST")
    mine = {name: value for name, value in os.environ.items() if not name.startswith(told)}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--live", "-q", "-p", "no:cacheprovider",
         *(str(ROOT / word) if word.startswith("tests") else word for word in words)],
        env={**mine, **environment}, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip


def test_without_settings_it_is_refused_with_where_to_find_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where no .env is

    done = live("tests/contract")

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    for name in ("AZURE_SUBSCRIPTION_ID", "DATABRICKS_HOST", "MLOPS_VOLUME"):
        assert f"{name}: is not set (find it by: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.timeout(600)
def test_it_asks_the_subscription_and_leaves_it_as_it_was(cloud):
    number = somebodys_run(cloud)
    before = cloud.blobs(), cloud.containers()

    done = live(
        "tests/contract/test_registry.py", "tests/contract/test_ledger.py",
        "tests/contract/test_trainer.py", "-k", "number or half or listing or cancelled or sweep",
        **cloud.environment,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
    assert "local" not in done.stdout
    assert (cloud.blobs(), cloud.containers()) == before
    volume = cloud.runs.path(VOLUME)
    assert [path for path in volume.rglob("*") if "live-" in path.name] == []
    known = cloud.arm.known
    versions = [known.get(each) for each in known.identifiers() if "/versions/" in each]
    assert versions
    assert {each["properties"]["isArchived"] for each in versions} == {True}
    assert [run["run_id"] for run in cloud.runs.active()] == [number]


def somebodys_run(cloud: StandIn) -> int:
    """It goes on for as long as the test."""
    cloud.runs.is_stuck = True
    task = {"task_key": "train", "new_cluster": {}}
    number = cloud.runs.submit({"run_name": OTHERS, "tasks": [task], "timeout_seconds": 3000})
    cloud.runs.is_stuck = False
    return number
