"""
Who we are: azure-identity, everywhere.

A managed identity on a worker, workload identity federation in a pipeline, the Azure CLI on a
laptop, a service principal where one must, or what a credentials block of Prefect holds. Tokens are
asked for at each call and renewed by the library, so one that expires in mid-run is no event.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from databricks.sdk.credentials_provider import CredentialsStrategy

from tasks.backends.azure.failures import told
from tasks.errors import Refused

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential
    from databricks.sdk.core import Config

DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"  # the same in every tenant
STORAGE = "https://storage.azure.com/.default"
RENEW_S = 300.0  # before a token ends


def credential(block: str | None = None) -> TokenCredential:
    """
    The first identity that this machine has.

    Args:
        block: name of an Azure Container Instance Credentials block of Prefect that holds it.

    Raises:
        Refused: there is no such block.
    """
    from azure.identity import DefaultAzureCredential

    if block:
        _take_from(block)
    if os.environ.get("AZURE_CLIENT_SECRET"):  # whoever names one means it: no other is tried
        os.environ.setdefault("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    return DefaultAzureCredential(exclude_interactive_browser_credential=True)


def require(identity: TokenCredential) -> None:
    """
    Ask for a first token now: Blob Storage would take an identity that nobody accepts for an
    illness of the service, and try for two minutes.

    Raises:
        Refused: no identity is accepted.
    """
    with told("a token for Blob Storage"):
        identity.get_token(STORAGE)


def _take_from(name: str) -> None:
    """Into the environment: there adlfs looks as well, and the processes that read images."""
    from prefect_azure import AzureContainerInstanceCredentials

    try:
        block = cast(
            AzureContainerInstanceCredentials, AzureContainerInstanceCredentials.load(name)
        )
    except ValueError as error:
        raise Refused(
            f"Prefect has no block azure-container-instance-credentials/{name}, which "
            "MLOPS_CREDENTIALS_BLOCK names; make it in the UI under Blocks, or unset it"
        ) from error
    if block.client_secret:  # an empty block stands for what the machine has
        os.environ["AZURE_TENANT_ID"] = str(block.tenant_id)
        os.environ["AZURE_CLIENT_ID"] = str(block.client_id)
        os.environ["AZURE_CLIENT_SECRET"] = block.client_secret.get_secret_value()


class EntraForDatabricks(CredentialsStrategy):
    """Databricks by tokens of the same identity; its SDK has no strategy for a managed one."""

    def __init__(self, identity: TokenCredential) -> None:
        self._identity = identity
        self._token: AccessToken | None = None

    def auth_type(self) -> str:
        """Its name in the SDK's messages."""
        return "azure-identity"

    def __call__(self, _: Config) -> Callable[[], dict[str, str]]:
        """What gives the headers of each request."""
        return self._headers

    def _headers(self) -> dict[str, str]:
        if self._token is None or self._token.expires_on - time.time() < RENEW_S:
            self._token = self._identity.get_token(DATABRICKS)
        return {"Authorization": f"Bearer {self._token.token}"}
