"""What deployments made: resources by id, who may do what with them, and what Azure adds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.cloud.deployments.additions import ADDED, brought
from tests.cloud.deployments.expressions import Wrong
from tests.cloud.deployments.places import Place, kind_of
from tests.cloud.deployments.refusals import VERSIONS, judged
from tests.cloud.deployments.roles import BUILT_IN

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
_ID = re.compile(r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/.+")
Note = Callable[[str, dict[str, Any]], None]


class Estate:
    """
    Args:
        places: the resource groups, by name.
        owners: principals that may do everything.
        others: principals that are known, and may do nothing.

    Attributes:
        made: ids in the order in which they were made, once each.
        secrets: of vaults: (id of the vault, name) → value.
        notes: called with the id and the resource, when one is made.
    """

    def __init__(self, places: dict[str, Place], owners: set[str], others: set[str]) -> None:
        self.places, self._owners, self._others = places, owners, others
        self._known: dict[str, dict[str, Any]] = {}
        self.made: list[str] = []
        self.secrets: dict[tuple[str, str], str] = {}
        self.notes: list[Note] = []

    def get(self, identifier: str) -> dict[str, Any] | None:
        """That resource, secrets and all."""
        return self._known.get(identifier.lower())

    def require(self, identifier: str) -> dict[str, Any]:
        """
        That resource.

        Raises:
            Wrong: there is none.
        """
        found = self.get(identifier)
        if found is None:
            raise Wrong("ResourceNotFound", f"the resource '{identifier}' was not found")
        return found

    def all(self) -> list[dict[str, Any]]:
        """All that is there, oldest first."""
        return list(self._known.values())

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """Those of a type, oldest first."""
        return [each for each in self._known.values() if each["type"].lower() == kind.lower()]

    def make(self, identifier: str, version: str, body: dict[str, Any], scope: str = "") -> None:
        """
        Make a resource, or change it.

        Args:
            scope: what an extension is of.

        Raises:
            Wrong: Azure would refuse it.
        """
        kind = kind_of(identifier)
        if kind not in VERSIONS:
            raise Wrong("InvalidResourceType", f"the type '{kind}' is unknown here")
        if version != VERSIONS[kind]:
            raise Wrong("NoRegisteredProviderFound", f"'{kind}' has no API version '{version}' "
                        f"here; supported is '{VERSIONS[kind]}'")  # fmt: skip
        if scope and not self._is_group(scope):
            self.require(scope)
        parent, _, _ = identifier.rpartition("/")[0].rpartition("/")
        if kind.count("/") > 1:
            self.require(parent)
        for each in _ids_in(body):
            self.require(each)
        judged(kind, identifier, body, self)
        former = self.get(identifier)
        whole = {**body, "id": identifier, "name": identifier.rpartition("/")[2], "type": kind}
        whole = {**whole, **ADDED.get(kind, _nothing)(identifier, whole)}
        self._known[identifier.lower()] = whole
        if former is None:
            self.made.append(identifier)
            for name, each in brought(identifier, whole).items():
                self.put(name, each)
            for note in self.notes:
                note(identifier, whole)

    def put(self, identifier: str, whole: dict[str, Any]) -> None:
        """Let there be something that nobody deployed."""
        self._known[identifier.lower()] = {
            "id": identifier, "name": identifier.rpartition("/")[2], "type": kind_of(identifier),
            **whole,
        }  # fmt: skip

    def remove(self, identifier: str) -> None:
        """Take a resource away."""
        del self._known[identifier.lower()]

    def assignments(self) -> Iterator[dict[str, Any]]:
        """Roles that are given, as Azure lists them."""
        for each in self.of_kind(ASSIGNMENTS):
            scope = each["id"].partition("/providers/Microsoft.Authorization/")[0]
            yield {**each, "properties": {**each["properties"], "scope": scope}}

    def granted(self, principal: str) -> set[tuple[str, str]]:
        """Names of the roles of somebody, and on what."""
        return {
            (BUILT_IN[each["properties"]["roleDefinitionId"].rpartition("/")[2]].name,
             each["properties"]["scope"])
            for each in self.assignments() if each["properties"]["principalId"] == principal
        }  # fmt: skip

    def may(self, principal: str, action: str, scope: str) -> bool:
        """Is there a role, on that or above, that lets somebody do it?"""
        if principal in self._owners:
            return True
        return any(
            f"{scope}/".lower().startswith(f"{each['properties']['scope']}/".lower())
            and BUILT_IN[each["properties"]["roleDefinitionId"].rpartition("/")[2]].allows(action)
            for each in self.assignments()
            if each["properties"]["principalId"] == principal
        )

    def principals(self) -> set[str]:
        """Everybody who can be given a role."""
        kinds = ("identity", "properties")
        found = {each.get(kind, {}).get("principalId") for each in self._known.values()
                 for kind in kinds if each["type"] != ASSIGNMENTS}  # fmt: skip
        return {*self._owners, *self._others, *(str(each) for each in found if each)}

    def _is_group(self, scope: str) -> bool:
        return scope.lower() in {place.id.lower() for place in self.places.values()}


def _ids_in(value: Any) -> Iterator[str]:
    """Ids of resources that a body names: they must be there."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _ids_in(key)
            yield from _ids_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _ids_in(each)
    elif isinstance(value, str) and _ID.fullmatch(value):
        yield value


def _nothing(_: str, __: dict[str, Any]) -> dict[str, Any]:
    return {}
