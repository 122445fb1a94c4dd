"""Where resources are, and how their ids are made."""

from __future__ import annotations

from dataclasses import dataclass

from tests.cloud.deployments.expressions import Wrong
from tests.cloud.subscription.login import TENANT


@dataclass(frozen=True)
class Place:
    """A resource group."""

    subscription: str
    group: str
    region: str
    tenant: str = TENANT

    @property
    def id(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    def id_of(self, kind: str, names: list[str]) -> str:
        """Of a resource of that type here."""
        return f"{self.id}/providers/{self.tail(kind, names)}"

    @staticmethod
    def tail(kind: str, names: list[str]) -> str:
        """
        Provider, types and names in turn.

        Raises:
            Wrong: there are more types than names, or fewer.
        """
        provider, *kinds = kind.split("/")
        if not kinds or len(kinds) != len(names) or not all(names):
            raise Wrong("InvalidTemplate", f"the type '{kind}' and the name {'/'.join(names)!r} "
                        "have different numbers of segments")  # fmt: skip
        return "/".join([provider, *(f"{a}/{b}" for a, b in zip(kinds, names, strict=True))])


def kind_of(identifier: str) -> str:
    """The type of a resource, from its id."""
    provider, *rest = identifier.rpartition("/providers/")[2].split("/")
    return "/".join([provider, *rest[::2]])
