"""On what a run runs: a new cluster of its own, one that exists, or serverless compute."""

from __future__ import annotations

from typing import Any, Final

from tasks.backends.azure.settings import AzureSettings
from tasks.errors import Refused

ENVIRONMENT: Final = "4"  # of serverless compute: the version with Python 3.12
KEY: Final = "training"
ALONE: Final[dict[str, Any]] = {  # the driver is the only machine
    "num_workers": 0,
    "spark_conf": {"spark.master": "local[*]", "spark.databricks.cluster.profile": "singleNode"},
    "custom_tags": {"ResourceClass": "SingleNode", "project": "mlops"},
}


def described(given: AzureSettings, workers: int = 1) -> str:
    """For people."""
    if given.serverless:
        return "serverless compute"
    if given.cluster:
        return f"cluster {given.cluster}"
    kind = "spot" if given.is_spot else "on demand"
    if workers > 1:
        return (f"a new cluster of {workers} {given.node_type} ({kind}) and a driver, which ends "
                "with it")  # fmt: skip
    return f"a new {given.node_type} ({kind}), which ends with it"


def require_workers(given: AzureSettings, workers: int) -> None:
    """Raises Refused: this compute cannot start so many together."""
    if given.serverless and workers > 1:
        raise Refused(
            f"serverless compute does not start {workers} workers together; unset "
            "DATABRICKS_SERVERLESS_COMPUTE_ID, or leave out --workers"
        )


def task_of(
    given: AzureSettings, wheel: str, libraries: list[str], workers: int = 1
) -> dict[str, Any]:
    """
    What the task says of it, and of what is installed there.

    Args:
        workers: machines that work together; with several there is a driver beside them.

    Raises:
        Refused: this compute cannot start several together.
    """
    require_workers(given, workers)
    if given.serverless:
        return {"environment_key": KEY}
    wanted = [{"whl": wheel}, *({"pypi": {"package": each}} for each in libraries)]
    if given.cluster:
        return {"libraries": wanted, "existing_cluster_id": given.cluster}
    return {"libraries": wanted, "new_cluster": _cluster(given, workers)}


def environments_of(given: AzureSettings, wheel: str, libraries: list[str]) -> list[dict[str, Any]]:
    """What is installed on serverless compute; nothing elsewhere, where tasks say it."""
    if not given.serverless:
        return []
    spec = {"environment_version": ENVIRONMENT, "dependencies": [wheel, *libraries]}
    return [{"environment_key": KEY, "spec": spec}]


def _cluster(given: AzureSettings, workers: int) -> dict[str, Any]:
    cluster: dict[str, Any] = {
        "spark_version": given.runtime, "node_type_id": given.node_type,
        "data_security_mode": "SINGLE_USER",
        "azure_attributes": {
            "availability": "SPOT_WITH_FALLBACK_AZURE" if given.is_spot else "ON_DEMAND_AZURE"
        },
        "spark_env_vars": _surroundings(given),
        **(_several(workers) if workers > 1 else ALONE),
    }  # fmt: skip
    if given.policy:
        cluster["policy_id"] = given.policy
    return cluster


def _surroundings(given: AzureSettings) -> dict[str, str]:
    """How programs on a new cluster reach Blob Storage; Databricks fills the secrets in."""
    found = {"AZURE_STORAGE_ACCOUNT_NAME": given.storage_account}
    if given.secret_scope:
        for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
            key = name.lower().replace("_", "-")
            found[name] = f"{{{{secrets/{given.secret_scope}/{key}}}}}"
    return found


def _several(workers: int) -> dict[str, Any]:
    """So many at once: a stage whose tasks start together cannot wait for machines to come."""
    return {
        "num_workers": workers,
        "spark_conf": {"spark.dynamicAllocation.enabled": "false"},
        "custom_tags": {"project": "mlops"},
    }
