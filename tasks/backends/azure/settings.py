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
        validation_alias="AZURE_SUBSCRIPTION_ID",
        title="the subscription of all that follows",
        description="az account show --query id",
    )
    resource_group: str = Field(
        validation_alias="AZURE_RESOURCE_GROUP",
        title="resource group of the workspace, of container groups and Front Door",
        description="az group list --output table",
    )
    workspace: str = Field(
        validation_alias="AZUREML_WORKSPACE_NAME",
        title="Azure Machine Learning workspace: versions of models",
        description="az ml workspace list",
    )
    shared_registry: str | None = Field(
        None,
        validation_alias="AZUREML_REGISTRY_NAME",
        title="a registry that the champion is put into as well",
        description="az ml registry list; other workspaces take the champion from there",
    )
    storage_account: Account = Field(
        validation_alias="AZURE_STORAGE_ACCOUNT_NAME",
        title="storage account of the images, and of the state",
        description="az storage account list --query '[].name'",
    )
    container: str = Field(
        "mlops",
        validation_alias="MLOPS_STATE_CONTAINER",
        title="container for what releases leave",
        description="az storage container list",
    )
    databricks_host: Host = Field(
        validation_alias="DATABRICKS_HOST",
        title="address of the Databricks workspace",
        description="the address of the workspace in the browser, up to the first /",
    )
    volume: Volume = Field(
        validation_alias="MLOPS_VOLUME",
        title="/Volumes/CATALOG/SCHEMA/VOLUME: wheels and model folders",
        description="Catalog Explorer > the volume > path",
    )
    tracking: Literal["databricks", ""] | None = Field(
        None,
        validation_alias="MLFLOW_TRACKING_URI",
        title="databricks: runs tell their epochs to MLflow in that workspace",
        description="databricks, or left out",
    )
    experiment: Experiment | None = Field(
        None,
        validation_alias="MLFLOW_EXPERIMENT_NAME",
        title="path of the experiment there; /Shared/NAME-OF-THE-DATA if left out",
        description="Experiments > its name > Copy path",
    )
    credentials_block: str | None = Field(
        None,
        validation_alias="MLOPS_CREDENTIALS_BLOCK",
        title="Azure Container Instance Credentials, a block of Prefect: the identity",
        description="prefect block ls",
    )
    cluster: str | None = Field(
        None,
        validation_alias="DATABRICKS_CLUSTER_ID",
        title="a cluster that exists; left out, each run gets and pays for its own",
        description="Compute > the cluster > JSON > cluster_id",
    )
    serverless: Literal["auto"] | None = Field(
        None,
        validation_alias="DATABRICKS_SERVERLESS_COMPUTE_ID",
        title="auto: serverless compute, for images in a volume",
        description="auto, or left out",
    )
    node_type: str = Field(
        "Standard_D4ds_v5",
        validation_alias="MLOPS_NODE_TYPE",
        title="machine of a new cluster",
        description="databricks clusters list-node-types",
    )
    runtime: str = Field(
        "17.3.x-cpu-ml-scala2.13",
        validation_alias="MLOPS_RUNTIME",
        title="Databricks runtime of a new cluster",
        description="databricks clusters spark-versions",
    )
    policy: str | None = Field(
        None,
        validation_alias="DATABRICKS_CLUSTER_POLICY_ID",
        title="policy that a new cluster must follow",
        description="Compute > Policies",
    )
    secret_scope: str | None = Field(
        None,
        pattern=r"^[\w.@-]+$",
        validation_alias="MLOPS_SECRET_SCOPE",
        title="secrets azure-client-id, azure-tenant-id and azure-client-secret: who a new cluster "
        "is to Blob Storage",
        description="databricks secrets list-scopes",
    )
    is_spot: bool = Field(
        False,
        validation_alias="MLOPS_SPOT",
        title="true: spot machines, and others where there are none",
        description="true or false",
    )
    versions: int | None = Field(
        None,
        ge=1,
        validation_alias="MLOPS_KEEP_VERSIONS",
        title="versions that are not archived, beside those that serve or served last",
        description="1 or more; all if left out",
    )
    run_hours: float = Field(
        24.0,
        gt=0,
        le=7 * 24,
        validation_alias="MLOPS_RUN_HOURS",
        title="hours after which Databricks itself ends a run, whoever forgot it",
        description="up to 168",
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
