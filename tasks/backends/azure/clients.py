"""The clients of all services, made from the settings in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.backends.azure.identity import EntraForDatabricks, credential
from tasks.backends.azure.settings import AzureSettings, read_settings
from tasks.backends.azure.shared import SharedRegistry

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.core.credentials import TokenCredential
    from azure.storage.blob import ContainerClient
    from databricks.sdk import WorkspaceClient


@dataclass(frozen=True)
class Clients:
    """
    What speaks to the cloud.

    Attributes:
        container: of what releases leave.
        databricks: its workspace.
        registry: the Azure Machine Learning workspace.
    """

    settings: AzureSettings
    identity: TokenCredential
    container: ContainerClient
    databricks: WorkspaceClient
    registry: MLClient

    @property
    def shared(self) -> SharedRegistry | None:
        """The registry that workspaces share, if the settings name one."""
        from azure.ai.ml import MLClient

        name = self.settings.shared_registry
        if not name:
            return None

        def client() -> MLClient:
            return MLClient(
                self.identity, registry_name=name, show_progress=False, enable_telemetry=False
            )

        return SharedRegistry(name, client)

    @classmethod
    def open(cls, environment: str = "") -> Clients:
        """
        Nothing is asked of anybody yet.

        Args:
            environment: the name of one, if there are several.

        Raises:
            Refused: settings are missing or wrong.
        """
        from azure.ai.ml import MLClient
        from azure.storage.blob import ContainerClient
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.core import Config

        settings = read_settings(environment)
        identity = credential(settings.credentials_block)
        url = f"https://{settings.storage_account}.blob.core.windows.net"
        return cls(
            settings,
            identity,
            ContainerClient(url, settings.container, identity),
            WorkspaceClient(
                config=Config(
                    host=f"https://{settings.databricks_host}",
                    credentials_strategy=EntraForDatabricks(identity),
                )
            ),
            MLClient(
                identity, settings.subscription, settings.resource_group, settings.workspace,
                show_progress=False, enable_telemetry=False,
            ),
        )  # fmt: skip
