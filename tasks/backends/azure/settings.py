"""
Where the azure backend works: one place, read from the environment or a ``.env`` file.

Names are those that their owners use. All that is missing or wrong is told at once, with where to
find each value.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.backends.azure.environment import FromHere, read
from tasks.backends.azure.kinds import Account, Experiment, Guid, Host, Volume


class AzureSettings(FromHere):
    """Names of things in Azure and Databricks; no secret is among them."""

    subscription: Guid = Field(
        validation_alias="AZURE_SUBSCRIPTION_ID", description="az account show --query id"
    )
    resource_group: str = Field(
        validation_alias="AZURE_RESOURCE_GROUP", description="az group list --output table"
    )
    workspace: str = Field(
        validation_alias="AZUREML_WORKSPACE_NAME", description="az ml workspace list"
    )
    shared_registry: str | None = Field(
        None,
        validation_alias="AZUREML_REGISTRY_NAME",
        description="registry that other workspaces take the champion from; az ml registry list",
    )
    storage_account: Account = Field(
        validation_alias="AZURE_STORAGE_ACCOUNT_NAME",
        description="az storage account list --query '[].name'",
    )
    container: str = Field(
        "mlops",
        validation_alias="MLOPS_STATE_CONTAINER",
        description="container for what releases leave; az storage container list",
    )
    databricks_host: Host = Field(
        validation_alias="DATABRICKS_HOST",
        description="the address of the workspace in the browser, up to the first /",
    )
    volume: Volume = Field(
        validation_alias="MLOPS_VOLUME",
        description="volume for wheels and model folders; Catalog Explorer > the volume > path",
    )
    tracking: Literal["databricks", ""] | None = Field(
        None,
        validation_alias="MLFLOW_TRACKING_URI",
        description="databricks lets runs tell their epochs to MLflow in that workspace",
    )
    experiment: Experiment | None = Field(
        None,
        validation_alias="MLFLOW_EXPERIMENT_NAME",
        description="path of the experiment in the workspace; Experiments > its name > Copy path; "
        "/Shared/<name of the data> if left out",
    )
    credentials_block: str | None = Field(
        None,
        validation_alias="MLOPS_CREDENTIALS_BLOCK",
        description="name of an Azure Container Instance Credentials block of Prefect that holds "
        "the identity; prefect block ls",
    )
    cluster: str | None = Field(
        None,
        validation_alias="DATABRICKS_CLUSTER_ID",
        description="a cluster that exists; a new one for each run if left out",
    )
    serverless: Literal["auto"] | None = Field(
        None,
        validation_alias="DATABRICKS_SERVERLESS_COMPUTE_ID",
        description="auto takes serverless compute, which reads images in volumes alone",
    )
    node_type: str = Field(
        "Standard_D4ds_v5",
        validation_alias="MLOPS_NODE_TYPE",
        description="of a new cluster; databricks clusters list-node-types",
    )
    runtime: str = Field(
        "17.3.x-cpu-ml-scala2.13",
        validation_alias="MLOPS_RUNTIME",
        description="of a new cluster; databricks clusters spark-versions",
    )
    policy: str | None = Field(
        None,
        validation_alias="DATABRICKS_CLUSTER_POLICY_ID",
        description="that a new cluster must follow; Compute > Policies",
    )
    is_spot: bool = Field(
        False,
        validation_alias="MLOPS_SPOT",
        description="true takes spot machines, and others where there are none",
    )
    versions: int | None = Field(
        None,
        ge=1,
        validation_alias="MLOPS_KEEP_VERSIONS",
        description="versions of a model that are not archived; all if left out",
    )
    run_hours: float = Field(
        24.0,
        gt=0,
        le=7 * 24,
        validation_alias="MLOPS_RUN_HOURS",
        description="hours after which Databricks itself ends a run; 24 if left out",
    )


def read_settings(environment: str = "") -> AzureSettings:
    """
    The settings.

    Args:
        environment: the name of one, if there are several.

    Raises:
        Refused: some are missing or cannot be; every one is named, with where to find it.
    """
    return read(AzureSettings, environment)
