"""Azure Container Registry, its data: which tags and digests it holds, to those with a token."""

from __future__ import annotations

import datetime

from tests.cloud.authority import Authority
from tests.cloud.builds import SERVER, Builds
from tests.cloud.login import MANAGEMENT, Login
from tests.cloud.record import Record
from tests.cloud.site import Answer, Asked, Site

_TAG = r"/acr/v1/(?P<repository>.+)/_tags/(?P<tag>[^/]+)"
THERE = "registry"  # the audience of its own tokens


class Held:
    """https://acrmlops.azurecr.io, as far as it is asked."""

    def __init__(self, builds: Builds, authority: Authority, record: Record, login: Login) -> None:
        self._builds, self._login, self._record = builds, login, record
        self.site = Site("registry", authority, record, _missing)
        self.site.route("POST", "/oauth2/exchange")(self._exchange)
        self.site.route("POST", "/oauth2/token")(self._token)
        self.site.route("GET", _TAG)(self._tag)
        self.site.route("GET", "/acr/v1/_catalog")(self._catalog)

    def _exchange(self, asked: Asked) -> Answer:
        """A token of Entra for one of the registry."""
        if why := self._login.refusal((asked.body or {}).get("access_token", ""), MANAGEMENT):
            return _error(401, "UNAUTHORIZED", why)
        return Answer(body={"refresh_token": self._login.token(f"{THERE}:refresh")})

    def _token(self, asked: Asked) -> Answer:
        """One that opens, for one that renews."""
        given = (asked.body or {}).get("refresh_token", "")
        if why := self._login.refusal(given, f"{THERE}:refresh"):
            return _error(401, "UNAUTHORIZED", why)
        return Answer(body={"access_token": self._login.token(THERE)})

    def _refusal(self, asked: Asked, scope: str) -> Answer | None:
        if not self._login.refusal(asked.token, THERE):
            return None
        challenge = (
            f'Bearer realm="https://{SERVER}/oauth2/token",service="{SERVER}",scope="{scope}"'
        )
        return _error(401, "UNAUTHORIZED", "authentication required",
                      {"WWW-Authenticate": challenge})  # fmt: skip

    def _tag(self, asked: Asked, repository: str, tag: str) -> Answer:
        if refused := self._refusal(asked, f"repository:{repository}:metadata_read"):
            return refused
        digest = self._builds.digest(repository, tag)
        if digest is None:
            return _error(404, "TAG_UNKNOWN", "the specified tag does not exist")
        now = datetime.datetime.now(datetime.UTC).isoformat()
        may = {f"{what}Enabled": True for what in ("delete", "write", "read", "list")}
        return Answer(body={"registry": SERVER, "imageName": repository, "tag": {
            "name": tag, "digest": digest, "createdTime": now, "lastUpdateTime": now,
            "signed": False, "changeableAttributes": may,
        }})  # fmt: skip

    def _catalog(self, asked: Asked) -> Answer:
        if refused := self._refusal(asked, "registry:catalog:*"):
            return refused
        return Answer(body={"repositories": self._builds.repositories()})


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Answer:
    body = {"errors": [{"code": code, "message": message}]}
    return Answer(status, body, {"Content-Type": "application/json", **(headers or {})})


def _missing(asked: Asked) -> Answer:
    return _error(404, "NAME_UNKNOWN", asked.path)
