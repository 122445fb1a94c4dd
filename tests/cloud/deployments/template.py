"""
A template: its parameters judged, its resources laid out one by one, in the order they depend on.

As Resource Manager does: conditions and names are known before anything is made, bodies only when
all that a resource depends on is there. Resources that could be made at the same time are made in
the order that is the least likely to be right by chance: the last of the template first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.cloud.deployments.expressions import Later, Wrong, worked_out
from tests.cloud.deployments.functions import called
from tests.cloud.deployments.parameters import judged
from tests.cloud.deployments.places import Place

DEPLOYMENTS = "Microsoft.Resources/deployments"
OWN = {"type", "apiVersion", "name", "dependsOn", "condition", "copy", "scope", "comments",
       "resourceGroup"}  # of the template, not of what is made  # fmt: skip
KNOWN = {*OWN, "location", "tags", "sku", "kind", "identity", "properties"}
Ask = Callable[[str, list[Any]], Any]  # reference or listKeys, and their arguments


@dataclass(frozen=True)
class Wanted:
    """
    One resource of a template.

    Attributes:
        body: with its expressions.
        index: in its copy loop.
        depends: lower-case ids of the template's resources that must be there first.
        scope: what an extension is of; "" for the group.
    """

    id: str
    kind: str
    version: str
    body: dict[str, Any]
    index: int | None
    depends: frozenset[str]
    scope: str


class Template:
    """
    Args:
        ask: answers what depends on resources that are there.

    Raises:
        Wrong: it, or a parameter, is refused as a whole: nothing is made then.
    """

    def __init__(
        self, document: dict[str, Any], given: dict[str, Any], place: Place, ask: Ask
    ) -> None:
        self.place, self._document, self._ask = place, document, ask
        self._parameters: dict[str, Any] = {}
        for name, value in judged(document.get("parameters", {}), given, self._early):
            self._parameters[name] = value
        self._copies: dict[str, frozenset[str]] = {}
        self._absent: set[str] = set()
        laid = [each for raw in document["resources"] for each in self._laid(raw)]
        self._ids = {each.id.lower() for each, _ in laid}
        if len(self._ids) != len(laid):
            raise Wrong("InvalidTemplate", "a resource is defined more than once")
        self.resources = [self._bound(each, names) for each, names in laid]

    def ordered(self) -> Iterator[Wanted]:
        """
        The resources, each when all that it depends on was handed out before.

        Raises:
            Wrong: they depend on each other in a circle.
        """
        left, done = list(self.resources), set[str]()
        while left:
            ready = next((each for each in reversed(left) if each.depends <= done), None)
            if ready is None:
                raise Wrong("InvalidTemplate", "circular dependency detected among: "
                            + ", ".join(each.id for each in left))  # fmt: skip
            yield ready
            done.add(ready.id.lower())
            left.remove(ready)

    def body_of(self, wanted: Wanted) -> dict[str, Any]:
        """What is to be made, now that all that it depends on is there."""
        body = {key: value for key, value in wanted.body.items() if key not in OWN}
        if wanted.kind == DEPLOYMENTS:  # its template is worked out inside
            properties = body["properties"]
            inner = {**properties, "template": None}
            return {"properties": {**self._late(inner, wanted.index),
                                   "template": properties["template"]}}  # fmt: skip
        return dict(self._late(body, wanted.index))

    def outputs(self) -> dict[str, Any]:
        """Names and values, each with its type."""
        return {
            name: {"type": each["type"], "value": self._late(each["value"], None)}
            for name, each in self._document.get("outputs", {}).items()
        }

    def _laid(self, raw: dict[str, Any]) -> Iterator[tuple[Wanted, list[str]]]:
        """Each copy of a resource, with what it says that it depends on."""
        if unknown := set(raw) - KNOWN:
            raise Wrong("InvalidTemplate", f"'{raw['type']}' has {sorted(unknown)}, unknown here")
        numbers: list[int | None] = [None]
        if "copy" in raw:
            numbers = list(range(self._early(raw["copy"]["count"])))
        made = []
        for number in numbers:
            kind, names = raw["type"], self._early(raw["name"], number).split("/")
            scope = self._early(raw.get("scope", ""), number)
            group = self._early(raw.get("resourceGroup", self.place.group), number)
            at = Place(self.place.subscription, group, self.place.region)
            identifier = (
                f"{scope}/providers/{Place.tail(kind, names)}" if scope else at.id_of(kind, names)
            )
            if not self._early(raw.get("condition", True), number):
                self._absent.add(identifier.lower())
                continue
            made.append(identifier.lower())
            wanted = Wanted(identifier, kind, raw["apiVersion"], raw, number, frozenset(), scope)
            yield wanted, [self._early(each, number) for each in raw.get("dependsOn", [])]
        if "copy" in raw:
            self._copies[raw["copy"]["name"].lower()] = frozenset(made)

    def _bound(self, wanted: Wanted, names: list[str]) -> Wanted:
        depends: set[str] = set()
        for name in names:
            found = name.lower()
            if found in self._copies:
                depends |= self._copies[found]
            elif found in self._ids:
                depends.add(found)
            elif found not in self._absent:  # one that its condition leaves out counts for nothing
                raise Wrong("InvalidTemplate", f"the resource '{name}', on which '{wanted.id}' "
                            "depends, is not defined in the template")  # fmt: skip
        return Wanted(wanted.id, wanted.kind, wanted.version, wanted.body, wanted.index,
                      frozenset(depends), wanted.scope)  # fmt: skip

    def _early(self, value: Any, index: int | None = None) -> Any:
        return worked_out(value, lambda name, given: self._called(name, given, index, None))

    def _late(self, value: Any, index: int | None) -> Any:
        return worked_out(value, lambda name, given: self._called(name, given, index, self._ask))

    def _called(self, name: str, given: list[Later], index: int | None, ask: Ask | None) -> Any:
        if name.lower() in ("reference", "listkeys"):
            if ask is None:
                raise Wrong("InvalidTemplate", f"the template function '{name}' is not expected "
                            "here: nothing is made yet")  # fmt: skip
            return ask(name.lower(), [each() for each in given])
        if name.lower() == "copyindex":
            if index is None:
                raise Wrong("InvalidTemplate", "copyIndex() stands outside of a copy")
            return index
        if name.lower() in ("parameters", "variables"):
            return self._named(name.lower(), str(given[0]()))
        return called(name, given, self.place)

    def _named(self, of: str, name: str) -> Any:
        if of == "parameters" and name in self._parameters:
            return self._parameters[name]
        if of == "variables" and name in self._document.get("variables", {}):
            return self._early(self._document["variables"][name])
        raise Wrong("InvalidTemplate", f"the template has no {of} '{name}'")
