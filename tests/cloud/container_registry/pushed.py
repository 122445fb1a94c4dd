"""What a registry holds: tags and manifests; the images themselves lie in the engine's storage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.cloud.subscription.operations import now
from tests.cloud.subscription.resources import Resources
from tests.infra.engine import Engine


class Pushed:
    """
    Args:
        place: the registry's id.
        server: its host name.
    """

    def __init__(
        self, known: Resources, place: str, server: str, engine: Callable[[], Engine]
    ) -> None:
        self._known, self._place, self._server, self._engine = known, place, server, engine

    def push(self, repository: str, tag: str, image: str) -> str:
        """Hold that image under a tag, which may have meant another until now; its digest."""
        engine = self._engine()
        name = f"{self._server}/{repository}:{tag}"
        engine("tag", image, name)
        found = engine.inspected(name)
        digest = str(found["Digest"])
        # Without a tag of its own it could not be asked for by digest once its tag means another.
        engine("tag", image, f"{self._server}/{repository}:held-{digest.partition(':')[2]}")
        time = now()
        key = f"{self._place}/manifests/{_key(repository)}@{digest}"
        former = self._known.get(key)
        self._known.put(key, {
            "repository": repository, "digest": digest, "size": found["Size"],
            "os": found["Os"], "architecture": found["Architecture"],
            "created": former["created"] if former else time, "updated": time,
        })  # fmt: skip
        key = f"{self._place}/tags/{_key(repository)}:{tag}"
        former = self._known.get(key)
        self._known.put(key, {
            "repository": repository, "tag": tag, "digest": digest,
            "created": former["created"] if former else time, "updated": time,
        })  # fmt: skip
        return digest

    def tag(self, repository: str, tag: str) -> dict[str, Any] | None:
        """What was pushed under that tag."""
        found = self._known.get(f"{self._place}/tags/{_key(repository)}:{tag}")
        return dict(found) if found else None

    def tags(self, repository: str) -> list[dict[str, Any]]:
        """All tags of a repository."""
        return [each for each in self._known.below(f"{self._place}/tags")
                if each["repository"] == repository]  # fmt: skip

    def manifest(self, repository: str, digest: str) -> dict[str, Any] | None:
        """One manifest, with its tags."""
        found = self._known.get(f"{self._place}/manifests/{_key(repository)}@{digest}")
        return self._tagged(found) if found else None

    def manifests(self, repository: str) -> list[dict[str, Any]]:
        """All manifests of a repository, with their tags."""
        return [self._tagged(each) for each in self._known.below(f"{self._place}/manifests")
                if each["repository"] == repository]  # fmt: skip

    def repositories(self) -> list[str]:
        """Names of all that was pushed."""
        return sorted({each["repository"] for each in self._known.below(f"{self._place}/tags")})

    def _tagged(self, found: dict[str, Any]) -> dict[str, Any]:
        tags = [each["tag"] for each in self.tags(found["repository"])
                if each["digest"] == found["digest"]]  # fmt: skip
        return {**found, "tags": tags}


def _key(repository: str) -> str:
    return repository.replace("/", ":")
