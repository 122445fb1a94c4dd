"""On what a run runs: a new cluster of its own, one that exists, or serverless compute."""

from __future__ import annotations

from typing import Any, Final

from tasks.backends.azure.settings import AzureSettings

ENVIRONMENT: Final = "4"  # of serverless compute: the version with Python 3.12
KEY: Final = "training"


def described(given: AzureSettings) -> str:
    """For people."""
    if given.serverless:
        return "serverless compute"
    if given.cluster:
        return f"cluster {given.cluster}"
    kind = "spot" if given.is_spot else "on demand"
    return f"a new {given.node_type} ({kind}), which ends with it"


def task_of(given: AzureSettings, wheel: str, libraries: list[str]) -> dict[str, Any]:
    """What the task says of it, and of what is installed there."""
    if given.serverless:
        return {"environment_key": KEY}
    wanted = [{"whl": wheel}, *({"pypi": {"package": each}} for each in libraries)]
    if given.cluster:
        return {"libraries": wanted, "existing_cluster_id": given.cluster}
    return {"libraries": wanted, "new_cluster": _cluster(given)}


def environments_of(given: AzureSettings, wheel: str, libraries: list[str]) -> list[dict[str, Any]]:
    """What is installed on serverless compute; nothing elsewhere, where tasks say it."""
    if not given.serverless:
        return []
    spec = {"environment_version": ENVIRONMENT, "dependencies": [wheel, *libraries]}
    return [{"environment_key": KEY, "spec": spec}]


def _cluster(given: AzureSettings) -> dict[str, Any]:
    cluster: dict[str, Any] = {
        "spark_version": given.runtime, "node_type_id": given.node_type, "num_workers": 0,
        "data_security_mode": "SINGLE_USER",
        "spark_conf": {"spark.master": "local[*]",
                       "spark.databricks.cluster.profile": "singleNode"},
        "custom_tags": {"ResourceClass": "SingleNode", "project": "mlops"},
        "azure_attributes": {
            "availability": "SPOT_WITH_FALLBACK_AZURE" if given.is_spot else "ON_DEMAND_AZURE"
        },
        "spark_env_vars": {"AZURE_STORAGE_ACCOUNT_NAME": given.storage_account},
    }  # fmt: skip
    if given.policy:
        cluster["policy_id"] = given.policy
    return cluster
