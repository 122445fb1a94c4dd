"""Data in Blob Storage, training on Databricks, versions in Azure Machine Learning."""

from __future__ import annotations

from tasks.backends.azure.datasets import BlobDatasets
from tasks.backends.azure.identity import EntraForDatabricks, credential
from tasks.backends.azure.jobs import Jobs
from tasks.backends.azure.lake import Lake
from tasks.backends.azure.ledger import BlobLedger
from tasks.backends.azure.registry import AzureMlRegistry
from tasks.backends.azure.settings import read_settings
from tasks.backends.azure.trainer import DatabricksTrainer
from tasks.backends.azure.volume import Volume
from tasks.ports import Backend
from tasks.state import home


def azure_backend() -> Backend:
    """
    The parts that work in the cloud that the settings name.

    Raises:
        Refused: settings are missing or wrong.
    """
    from azure.ai.ml import MLClient
    from azure.storage.blob import ContainerClient
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.core import Config

    settings, identity = read_settings(), credential()
    state = home() / "azure"
    url = f"https://{settings.storage_account}.blob.core.windows.net"
    lake = Lake(ContainerClient(url, settings.container, identity))
    workspace = WorkspaceClient(
        config=Config(
            host=f"https://{settings.databricks_host}",
            credentials_strategy=EntraForDatabricks(identity),
        )
    )
    volume = Volume(workspace, settings.volume)
    registry = MLClient(
        identity, settings.subscription, settings.resource_group, settings.workspace,
        show_progress=False, enable_telemetry=False,
    )  # fmt: skip
    return Backend(
        name="azure",
        datasets=BlobDatasets(lake, state),
        trainer=DatabricksTrainer(Jobs(workspace, settings), volume, state),
        registry=AzureMlRegistry(registry, lake, state),
        ledger=BlobLedger(lake, state),
    )
