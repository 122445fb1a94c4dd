"""A release to the stand-in cloud: real SDKs, real HTTPS, production addresses, real training."""

from __future__ import annotations

import json
import shutil
import signal
import time

import httpx
import pytest

from tasks.backends.azure.lake import LEASE_S
from tests.cloud.databricks.workspace import VOLUME
from tests.cloud.subscription.azurite import ACCOUNT
from tests.conftest import ROOT
from tests.flows.conftest import (
    FAST,
    IN_AZURE,
    free_port,
    until,
    verdicts,
    versions_in_azure,
)

pytestmark = pytest.mark.cloud


def test_a_release_is_trained_there_and_registered_once_and_no_secret_is_told(
    azure, flows, cloud, pictures
):
    first = azure(*IN_AZURE, *FAST)
    again = azure(*IN_AZURE, *FAST)
    at_home = flows("release", "--data", str(pictures), *FAST, "--no-deploy")

    assert first.returncode == 0, first.stdout + first.stderr
    assert set(verdicts(first.stdout).values()) == {"done"}
    assert "epoch 4/4" in first.stdout
    assert again.returncode == 0, again.stdout + again.stderr
    assert set(verdicts(again.stdout).values()) == {"skipped"}
    assert len(cloud.runs.all()) == 1
    versions = versions_in_azure(cloud, "light")
    assert [version["name"] for version in versions] == ["1"]
    tags = versions[0]["properties"]["tags"]
    assert tags["dataset_uri"] == f"abfss://images@{ACCOUNT}.dfs.core.windows.net/light"
    assert at_home.returncode == 0, at_home.stdout + at_home.stderr
    assert tags["model_digest"] in {path.name for path in (flows.state / "models").iterdir()}
    kept = "".join(
        path.read_text(errors="replace")
        for path in flows.state.rglob("*")
        if path.is_file() and path.suffix in {".json", ".txt", ".log", ".md"}
    )
    logs = "".join(cloud.runs.logs(run["run_id"]) for run in cloud.runs.all())
    told = json.dumps(cloud.record.exchanges()) + kept + logs + first.stdout + first.stderr
    assert len(cloud.record.secrets) > 3
    assert [secret for secret in cloud.record.secrets if secret in told] == []


def test_serverless_compute_trains_on_images_in_a_volume(azure, cloud, pictures):
    place = f"{VOLUME}/light"
    shutil.copytree(pictures, cloud.runs.path(place))
    compute = {"DATABRICKS_SERVERLESS_COMPUTE_ID": "auto"}

    refused = azure(*IN_AZURE, *FAST, **compute)
    several = azure("plan", "--backend", "azure", "--data", place, "--workers", "2", **compute)
    done = azure("release", "--backend", "azure", "--data", place, *FAST, **compute)

    assert refused.returncode == 3
    assert "give images in a volume" in refused.stderr
    assert several.returncode == 3
    assert "serverless compute does not start 2 workers together" in several.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = cloud.runs.all()
    assert run["tasks"][0]["environment_key"] == run["environments"][0]["environment_key"]
    assert "new_cluster" not in run["tasks"][0]
    assert [version["name"] for version in versions_in_azure(cloud, "light")] == ["1"]


def begun(flows, cloud, *words: str):
    """A release whose run trains on the cluster."""
    started = flows.start(*IN_AZURE, "--epochs", "400", "--patience", "0", *words,
                          **cloud.environment)  # fmt: skip
    for line in started.stdout:
        if "epoch 2/" in line:
            return started
    raise AssertionError(started.communicate()[0])


@pytest.mark.parametrize("word", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_release_leaves_no_run(azure, flows, cloud, word):
    started = begun(flows, cloud)

    started.send_signal(word)
    started.communicate(timeout=60)

    assert started.returncode == 130
    assert cloud.runs.active() == []
    assert cloud.runs.all()[0]["termination"]["code"] == "USER_CANCELED"


def test_a_cancel_in_prefect_ends_the_run(azure, flows, cloud):
    """As from its pages: a deployment's run on a worker, cancelled through the API."""
    (flows.root / "prefect.yaml").write_text((ROOT / "prefect.yaml").read_text())
    port = free_port()
    pages = flows.start("ui", "--port", port, **cloud.environment)
    for line in pages.stdout:
        if "Ctrl-C" in line:
            break
    api = httpx.Client(base_url=f"http://127.0.0.1:{port}/api", timeout=20, trust_env=False)
    release = api.get("/deployments/name/release/local").raise_for_status().json()["id"]
    config = {"epochs": 400, "patience": 0, "batch_size": 1}
    given = {"data": IN_AZURE[-1], "backend": "azure", "config": config}
    run = api.post(f"/deployments/{release}/create_flow_run", json={"parameters": given}).json()
    until(lambda: any("epoch 2/" in cloud.runs.logs(each["run_id"]) for each in cloud.runs.all()))

    asked = {"state": {"type": "CANCELLING"}, "force": False}
    api.post(f"/flow_runs/{run['id']}/set_state", json=asked).raise_for_status()
    until(lambda: not cloud.runs.active(), seconds=30)

    assert cloud.runs.all()[0]["termination"]["code"] == "USER_CANCELED"
    until(lambda: api.get(f"/flow_runs/{run['id']}").json()["state"]["type"] == "CANCELLED")
    pages.send_signal(signal.SIGINT)
    pages.communicate(timeout=60)


def test_a_run_that_takes_too_long_is_ended_by_databricks(azure, cloud):
    done = azure(*IN_AZURE, "--epochs", "1000", "--patience", "0", "--batch-size", "1",
                 MLOPS_RUN_HOURS="0.003")  # fmt: skip

    assert done.returncode == 3, done.stdout + done.stderr
    assert "it ran longer than MLOPS_RUN_HOURS" in done.stderr
    assert cloud.runs.active() == []


def test_a_killed_release_finds_its_run_again(azure, flows, cloud):
    started = begun(flows, cloud, "--batch-size", "1")
    started.kill()
    started.communicate(timeout=60)
    assert len(cloud.runs.active()) == 1

    again = flows.start(*IN_AZURE, "--epochs", "400", "--patience", "0", "--batch-size", "1",
                        **cloud.environment)  # fmt: skip
    for line in again.stdout:
        if "epoch 2/" in line:
            break
    cloud.runs.end_with = None
    again.send_signal(signal.SIGINT)
    again.communicate(timeout=60)

    assert len(cloud.runs.all()) == 1
    assert cloud.runs.active() == []


def test_a_killed_release_leaves_a_run_that_the_next_one_sweeps(azure, flows, cloud):
    started = begun(flows, cloud)
    started.kill()
    started.communicate(timeout=60)
    lost = cloud.runs.active()
    time.sleep(LEASE_S)  # for so long it might still wait for its run

    done = azure(*IN_AZURE, *FAST)

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(lost) == 1
    assert cloud.runs.active() == []
    assert [run["state"]["result_state"] for run in cloud.runs.all()] == ["CANCELED", "SUCCESS"]


def test_a_lost_cluster_is_tried_again(azure, cloud):
    cloud.runs.end_with = "CLOUD_FAILURE"

    done = azure(*IN_AZURE, *FAST)

    assert done.returncode == 0, done.stdout + done.stderr
    assert [run["termination"]["code"] for run in cloud.runs.all()] == [
        "CLOUD_FAILURE", "SUCCESS",
    ]  # fmt: skip


def test_a_wrong_node_type_is_refused_with_the_setting(azure, cloud):
    cloud.runs.end_with = "INVALID_CLUSTER_REQUEST"

    done = azure(*IN_AZURE, *FAST)

    assert done.returncode == 3, done.stdout + done.stderr
    assert "look at MLOPS_NODE_TYPE" in done.stderr
    assert len(cloud.runs.all()) == 1


def test_a_cluster_is_told_who_it_is_by_secrets_of_databricks(azure, cloud):
    scope = {"MLOPS_SECRET_SCOPE": "mlops"}
    missing = azure(*IN_AZURE, *FAST, **scope)
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        key = name.lower().replace("_", "-")
        cloud.runs.secrets[f"mlops/{key}"] = cloud.environment[name]

    done = azure(*IN_AZURE, *FAST, **scope)

    assert missing.returncode == 3, missing.stdout + missing.stderr
    assert "mlops/azure-client-id" in missing.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    given = cloud.runs.all()[-1]["tasks"][0]["new_cluster"]["spark_env_vars"]
    assert {"{{secrets/mlops/azure-client-secret}}"} < set(given.values())


def test_all_settings_that_are_missing_are_named_at_once(flows):
    done = flows(*IN_AZURE, *FAST)

    assert done.returncode == 3, done.stdout + done.stderr
    for name in ("AZURE_SUBSCRIPTION_ID", "AZUREML_WORKSPACE_NAME", "DATABRICKS_HOST"):
        assert f"{name}: is not set (find it by: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"AZURE_CLIENT_SECRET": "wrong"}, "no identity was accepted"),
        ({"AZUREML_WORKSPACE_NAME": "nope"}, "'Microsoft.MachineLearningServices/workspaces/nope'"),
        ({"MLOPS_VOLUME": "/mnt/here"}, "'/mnt/here' is not like /Volumes/main/mlops/files"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_reason(azure, wrong, says):
    done = azure(*IN_AZURE, *FAST, **wrong)

    assert done.returncode == 3, done.stdout + done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_the_identity_may_lie_in_a_block_of_prefect(azure, flows, cloud):
    from prefect.settings import PREFECT_API_URL, temporary_settings
    from prefect_azure import AzureContainerInstanceCredentials

    names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
    tenant, client, secret = (cloud.environment[name] for name in names)
    with temporary_settings({PREFECT_API_URL: flows.url}):
        AzureContainerInstanceCredentials(
            tenant_id=tenant, client_id=client, client_secret=secret
        ).save("team", overwrite=True)
    without = {k: v for k, v in cloud.environment.items() if k not in names}

    done = flows(*IN_AZURE, *FAST, **without, MLOPS_CREDENTIALS_BLOCK="team")
    unknown = flows(*IN_AZURE, *FAST, **without, MLOPS_CREDENTIALS_BLOCK="nobody")

    assert done.returncode == 0, done.stdout + done.stderr
    assert unknown.returncode == 3, unknown.stdout + unknown.stderr
    assert "no block azure-container-instance-credentials/nobody" in unknown.stderr


def test_images_on_this_machine_are_refused(azure, pictures):
    done = azure("release", "--backend", "azure", "--data", str(pictures))

    assert done.returncode == 3
    assert "where Databricks cannot read it" in done.stderr


def test_a_trainer_that_fails_there_says_why_here(azure, cloud, folder_of):
    for file in sorted(folder_of(cat=40, dog=40).rglob("*.png")):
        cloud.put("images", f"two/{'/'.join(file.parts[-3:])}", file.read_bytes())

    done = azure("release", "--backend", "azure", "--data", "az://images/two", "--network", "nope")

    assert done.returncode == 2
    assert "unknown network 'nope'" in done.stderr


def test_the_doctor_looks_at_the_cloud_and_leaves_nothing(azure, cloud):
    before = cloud.blobs()

    well = azure("doctor", "--backend", "azure")
    ill = azure("doctor", "--backend", "azure", MLOPS_NODE_TYPE="X1", MLOPS_VOLUME="/Volumes/a/b")

    assert well.returncode == 0, well.stdout + well.stderr
    assert well.stdout.count("well  ") == 15
    assert cloud.blobs() == before
    assert ill.returncode == 4
    assert "MLOPS_VOLUME: '/Volumes/a/b' is not like" in ill.stdout
