"""
Who we are: azure-identity, everywhere.

A managed identity on a worker, workload identity federation in a pipeline, the Azure CLI on a
laptop, a service principal where one must. Tokens are asked for at each call and renewed by the
library, so one that expires in mid-run is no event.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from databricks.sdk.credentials_provider import CredentialsStrategy

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential
    from databricks.sdk.core import Config

DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"  # the same in every tenant
RENEW_S = 300.0  # before a token ends


def credential() -> TokenCredential:
    """The first identity that this machine has."""
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential(exclude_interactive_browser_credential=True)


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
