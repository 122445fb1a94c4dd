"""A release whose run tells its epochs to MLflow in the Databricks workspace, a real server."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.cloud.databricks.mlflow_server import API, MlflowServer
from tests.cloud.databricks.workspace import HOST
from tests.cloud.subscription.registries import REGISTRY
from tests.cloud.wire.faults import Fault
from tests.cloud.wire.site import Asked
from tests.flows.conftest import FAST, IN_AZURE, verdicts, versions_in_azure

pytestmark = pytest.mark.cloud

TRACKED = {"MLFLOW_TRACKING_URI": "databricks"}
FILES = "WorkspaceInternal/Mlflow/Artifacts"


def asked(server: MlflowServer, method: str, path: str, **body: object) -> dict:
    """What MLflow says to somebody who is let in."""
    headers = {"content-type": "application/json"}
    raw = json.dumps(body).encode() if body else b""
    url = f"{API}/{path}"
    return server.answer(Asked(method, url.partition("?")[0], {}, headers, raw, body, url)).body


def runs_of(server: MlflowServer, experiment: str) -> list[dict]:
    found = asked(server, "GET", f"experiments/get-by-name?experiment_name={experiment}")
    number = found["experiment"]["experiment_id"]
    return asked(server, "POST", "runs/search", experiment_ids=[number])["runs"]


def test_knobs_epochs_files_and_tags_of_a_run_are_in_mlflow(azure, flows, cloud):
    done = azure(*IN_AZURE, *FAST, **TRACKED)

    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = runs_of(cloud.mlflow, "/Shared/light")
    number, data = run["info"]["run_id"], run["data"]
    assert run["info"]["status"] == "FINISHED"
    assert {"key": "epochs", "value": "4"} in data["params"]
    assert {each["key"] for each in data["tags"]} >= {"token", "git_commit"}
    history = asked(
        cloud.mlflow, "GET", f"metrics/get-history?run_id={number}&metric_key=val_loss"
    )["metrics"]
    assert [each["step"] for each in history] == [1, 2, 3, 4]
    assert "test_accuracy" in {each["key"] for each in data["metrics"]}
    experiment = run["info"]["experiment_id"]
    kept = cloud.runs.path(f"/{FILES}/{experiment}/Runs/{number}/artifacts/model")
    assert {"manifest.json", "labels.json", "learning_curve.png"} <= {
        file.name for file in kept.iterdir()
    }
    (version,) = versions_in_azure(cloud, "light")
    assert version["properties"]["tags"]["tracking_run"] == number
    page = f"https://{HOST}/ml/experiments/{experiment}/runs/{number}"
    assert page in artifacts(flows)


def artifacts(flows) -> str:
    """All that Prefect's pages show."""
    import httpx

    asked = httpx.post(f"{flows.url}/artifacts/filter", json={}, timeout=20, trust_env=False)
    return "".join(str(each["data"]) for each in asked.json())


@pytest.mark.parametrize(
    "fault",
    [
        Fault("", API, status=503, times=1000),
        Fault("", API, status=403, times=1000, body={"error_code": "PERMISSION_DENIED"}),
        Fault("", API, status=None, times=1000),
    ],
    ids=["ill", "no rights", "lost"],
)
def test_a_tracking_server_that_fails_costs_no_model_and_is_told(azure, cloud, fault):
    for method in ("GET", "POST"):
        cloud.databricks.site.faults.add(replace(fault, method=method))

    done = azure(*IN_AZURE, *FAST, **TRACKED)

    assert done.returncode == 0, done.stdout + done.stderr
    assert verdicts(done.stdout)["train"] == "done"
    assert "MLflow was not told" in done.stdout
    (version,) = versions_in_azure(cloud, "light")
    assert version["properties"]["tags"]["tracking_run"] == "none"
    assert len(cloud.runs.all()) == 1


def test_what_fails_for_a_while_is_told_later(azure, cloud):
    for method, path, status in (
        ("POST", "runs/create", 503), ("POST", "runs/log-batch", 429), ("PUT", FILES, 429),
    ):  # fmt: skip
        fault = Fault(method, path, status=status, times=2, headers={"Retry-After": "1"})
        cloud.databricks.site.faults.add(fault)

    done = azure(*IN_AZURE, *FAST, **TRACKED, MLFLOW_EXPERIMENT_NAME="/Shared/team")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "MLflow was not told" not in done.stdout
    (run,) = runs_of(cloud.mlflow, "/Shared/team")
    assert run["info"]["status"] == "FINISHED"
    assert {each["step"] for each in run["data"]["metrics"] if each["key"] == "loss"} == {4}


def test_an_experiment_that_is_no_path_is_refused_at_once(azure, cloud):
    done = azure(*IN_AZURE, *FAST, **TRACKED, MLFLOW_EXPERIMENT_NAME="team")

    assert done.returncode == 3
    assert "MLFLOW_EXPERIMENT_NAME: 'team' is not like /Shared/fashion-mnist" in done.stderr
    assert cloud.runs.all() == []


def test_the_doctor_looks_at_mlflow_and_at_the_registry_that_is_shared(azure):
    well = azure("doctor", "--backend", "azure", **TRACKED, AZUREML_REGISTRY_NAME=REGISTRY)
    ill = azure("doctor", "--backend", "azure", AZUREML_REGISTRY_NAME="nowhere")

    assert well.returncode == 0, well.stdout + well.stderr
    assert f"{HOST} has MLflow" in well.stdout
    assert f"registry {REGISTRY}" in well.stdout
    assert ill.returncode == 4
    assert "Registry nowhere was not found" in ill.stdout
