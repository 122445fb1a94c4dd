"""What is in resources of an estate, to those whose roles let them in: blobs and images."""

from __future__ import annotations

from typing import Any

from tests.cloud.container_registry.held import Held
from tests.cloud.container_registry.pushed import Pushed
from tests.cloud.deployments.estate import Estate
from tests.cloud.subscription.azurite import Azurite
from tests.cloud.subscription.login import MANAGEMENT, Login
from tests.cloud.subscription.relay import Relay
from tests.cloud.wire.authority import Authority
from tests.cloud.wire.record import Record
from tests.cloud.wire.site import Answer, Asked

BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
VERBS = {"GET": "read", "HEAD": "read", "DELETE": "delete"}


class Blobs(Relay):
    """Blob storage of one account."""

    def __init__(
        self, account: str, estate: Estate, login: Login,
        storage: Azurite, authority: Authority, record: Record,
    ) -> None:  # fmt: skip
        super().__init__(storage, authority, record)
        self._account, self._estate, self._login = account, estate, login

    def _hand_on(self, asked: Asked) -> Answer:
        properties = self._estate.require(self._account)["properties"]
        if not asked.headers.get("authorization", "").startswith("Bearer "):
            if not properties["allowSharedKeyAccess"]:
                return _refused("KeyBasedAuthenticationNotPermitted")
            return super()._hand_on(asked)
        container = asked.path.split("/")[1]
        scope = f"{self._account}/blobServices/default/containers/{container}"
        action = f"{BLOBS}/{VERBS.get(asked.method, 'write')}"
        if not self._estate.may(self._login.principal(asked.token), action, scope):
            return _refused("AuthorizationPermissionMismatch")
        return super()._hand_on(asked)


class Images(Held):
    """What one registry holds."""

    def __init__(
        self, registry: str, estate: Estate, login: Login,
        pushed: Pushed, authority: Authority, record: Record,
    ) -> None:  # fmt: skip
        found: dict[str, Any] = estate.require(registry)
        super().__init__(
            pushed, authority, record, login, server=found["properties"]["loginServer"]
        )
        self._registry, self._estate = registry, estate

    def _exchange(self, asked: Asked) -> Answer:
        shown = (asked.body or {}).get("access_token", "")
        policies = self._estate.require(self._registry)["properties"]["policies"]
        is_open = policies["azureADAuthenticationAsArmPolicy"]["status"] == "enabled"
        may = self._estate.may(
            self._login.principal(shown), "Microsoft.ContainerRegistry/registries/pull/read",
            self._registry,
        )  # fmt: skip
        if not may or (not is_open and not self._login.refusal(shown, MANAGEMENT)):
            said = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
            return Answer(401, said, {"Content-Type": "application/json"})
        return super()._exchange(asked)


def _refused(code: str) -> Answer:
    said = f"<Error><Code>{code}</Code><Message>This request is not permitted.</Message></Error>"
    headers = {"Content-Type": "application/xml", "x-ms-error-code": code}
    return Answer(403, b'<?xml version="1.0" encoding="utf-8"?>' + said.encode(), headers)
