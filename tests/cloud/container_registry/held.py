"""Azure Container Registry, its data: which tags and digests it holds, to those with a token."""

from __future__ import annotations

from typing import Any

from tests.cloud.container_registry.pushed import Pushed
from tests.cloud.container_registry.task_runs import SERVER
from tests.cloud.subscription.login import MANAGEMENT, Login
from tests.cloud.wire.authority import Authority
from tests.cloud.wire.record import Record
from tests.cloud.wire.site import Answer, Asked, Handler, Site

AUDIENCES = (MANAGEMENT, "https://containerregistry.azure.net")  # either is taken
THERE = "registry"  # the audience of its own tokens
_OF = r"/acr/v1/(?P<repository>.+)"
MAY = {f"{what}Enabled": True for what in ("delete", "write", "read", "list")}


class Held:
    """https://acrmlops.azurecr.io, as far as it is asked."""

    def __init__(
        self, pushed: Pushed, authority: Authority, record: Record, login: Login,
        server: str = SERVER,
    ) -> None:  # fmt: skip
        self._pushed, self._login, self._record = pushed, login, record
        self._server = server
        self.site = Site("registry", authority, record, _missing)
        self.site.route("POST", "/oauth2/exchange")(self._exchange)
        self.site.route("POST", "/oauth2/token")(self._token)
        self.site.route("GET", "/acr/v1/_catalog")(self._guarded(self._catalog))
        for pattern, handler in (
            ("/_tags/(?P<tag>[^/]+)", self._tag), ("/_tags", self._tags),
            ("/_manifests/(?P<digest>[^/]+)", self._manifest), ("/_manifests", self._manifests),
        ):  # fmt: skip
            self.site.route("GET", _OF + pattern)(self._guarded(handler))

    def _exchange(self, asked: Asked) -> Answer:
        """A token of Entra for one of the registry."""
        shown = (asked.body or {}).get("access_token", "")
        whys = [self._login.refusal(shown, audience) for audience in AUDIENCES]
        if all(whys):
            return _error(401, "UNAUTHORIZED", str(whys[0]))
        return Answer(body={"refresh_token": self._login.token(f"{THERE}:refresh")})

    def _token(self, asked: Asked) -> Answer:
        """One that opens what ``scope`` says, for one that renews."""
        given = asked.body or {}
        if why := self._login.refusal(given.get("refresh_token", ""), f"{THERE}:refresh"):
            return _error(401, "UNAUTHORIZED", why)
        return Answer(body={"access_token": self._login.token(_audience(given.get("scope", "")))})

    def _guarded(self, handler: Handler) -> Handler:
        """Only to those with a token for that repository."""

        def answer(asked: Asked, **names: str) -> Answer:
            repository = names.get("repository")
            scope = f"repository:{repository}:metadata_read" if repository else "registry:catalog:*"
            if not self._login.refusal(asked.token, _audience(scope)):
                return handler(asked, **names)
            here = self._server
            challenge = (
                f'Bearer realm="https://{here}/oauth2/token",service="{here}",scope="{scope}"'
            )
            return _error(401, "UNAUTHORIZED", "authentication required, visit "
                          "https://aka.ms/acr/authorization for more information.",
                          {"WWW-Authenticate": challenge})  # fmt: skip

        return answer

    def _tag(self, _: Asked, repository: str, tag: str) -> Answer:
        if repository not in self._pushed.repositories():
            return _unnamed(repository)
        found = self._pushed.tag(repository, tag)
        if not found:
            return _error(404, "TAG_UNKNOWN", "the specified tag does not exist")
        return Answer(body={**_head(repository), "tag": _tag(found)})

    def _tags(self, asked: Asked, repository: str) -> Answer:
        found = self._pushed.tags(repository)
        if not found:
            return _unnamed(repository)
        if digest := asked.query.get("digest"):
            found = [each for each in found if each["digest"] == digest]
        return Answer(body={**_head(repository), "tags": [_tag(each) for each in found]})

    def _manifest(self, _: Asked, repository: str, digest: str) -> Answer:
        if repository not in self._pushed.repositories():
            return _unnamed(repository)
        found = self._pushed.manifest(repository, digest)
        if not found:
            return _error(404, "MANIFEST_UNKNOWN", f"manifest {digest} is not found")
        return Answer(body={**_head(repository), "manifest": _manifest(found)})

    def _manifests(self, _: Asked, repository: str) -> Answer:
        found = [_manifest(each) for each in self._pushed.manifests(repository)]
        if not found:
            return _unnamed(repository)
        return Answer(body={**_head(repository), "manifests": found})

    def _catalog(self, _: Asked) -> Answer:
        return Answer(body={"repositories": self._pushed.repositories()})


def _audience(scope: str) -> str:
    return f"{THERE}:{scope}"


def _head(repository: str) -> dict[str, Any]:
    return {"registry": SERVER, "imageName": repository}


def _tag(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": found["tag"], "digest": found["digest"], "createdTime": found["created"],
        "lastUpdateTime": found["updated"], "signed": False, "changeableAttributes": MAY,
    }  # fmt: skip


def _manifest(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "digest": found["digest"], "imageSize": found["size"], "createdTime": found["created"],
        "lastUpdateTime": found["updated"], "architecture": found["architecture"],
        "os": found["os"], "tags": found["tags"], "changeableAttributes": MAY,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
    }  # fmt: skip


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Answer:
    body = {"errors": [{"code": code, "message": message}]}
    return Answer(status, body, {"Content-Type": "application/json", **(headers or {})})


def _unnamed(repository: str) -> Answer:
    return _error(404, "NAME_UNKNOWN", f"repository name {repository} not known to registry")


def _missing(asked: Asked) -> Answer:
    return _error(404, "NAME_UNKNOWN", asked.path)
