"""A pipeline of Azure DevOps, as the service reads it: templates put in, parameters filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

GIVEN = re.compile(r"\$\{\{\s*parameters\.(\w+)\s*\}\}")
TYPES = {"string": str, "number": (int, float), "boolean": bool}
Tree = dict[str, Any]


class BadTemplate(ValueError):
    """A template, or what it is given, does not fit."""


@dataclass(frozen=True)
class Job:
    """One job, ``job`` or ``deployment``."""

    raw: Tree

    @property
    def name(self) -> str:
        return str(self.raw.get("job") or self.raw.get("deployment"))

    @property
    def after(self) -> list[str]:
        return listed(self.raw.get("dependsOn"))

    @property
    def steps(self) -> list[Tree]:
        if "deployment" in self.raw:
            return list(self.raw["strategy"]["runOnce"]["deploy"]["steps"])
        return list(self.raw["steps"])

    @property
    def has_agent(self) -> bool:
        return self.raw["pool"] != "server"


@dataclass(frozen=True)
class Stage:
    """
    One stage.

    Attributes:
        after: names of the stages before.
    """

    raw: Tree
    after: list[str]

    @property
    def name(self) -> str:
        return str(self.raw["stage"])

    @property
    def jobs(self) -> list[Job]:
        return [Job(each) for each in self.raw["jobs"]]


@dataclass(frozen=True)
class Pipeline:
    """All of it."""

    raw: Tree

    @property
    def stages(self) -> list[Stage]:
        found: list[Stage] = []
        for raw in self.raw["stages"]:
            before = [found[-1].name] if found else []
            found.append(Stage(raw, listed(raw["dependsOn"]) if "dependsOn" in raw else before))
        return found

    def stage(self, name: str) -> Stage:
        return next(each for each in self.stages if each.name == name)


def read(file: Path, **given: Any) -> Pipeline:
    """The pipeline with those parameters; without them, with its defaults."""
    return Pipeline(_filled(file, given))


def listed(names: Any) -> list[str]:
    """``dependsOn`` may be one name, or several."""
    return [] if names is None else [names] if isinstance(names, str) else list(names)


def _filled(file: Path, given: Mapping[str, Any]) -> Tree:
    tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    known = _parameters(file.name, tree.pop("parameters", []), given)
    filled: Tree = _expanded(tree, known, file.parent)
    return filled


def _parameters(where: str, declared: list[Tree], given: Mapping[str, Any]) -> Tree:
    names = {each["name"] for each in declared}
    if unknown := set(given) - names:
        raise BadTemplate(f"{where} takes no {', '.join(sorted(unknown))}")
    known = {}
    for each in declared:
        name = each["name"]
        if name not in given and "default" not in each:
            raise BadTemplate(f"{where} has to be given {name}")
        known[name] = given.get(name, each.get("default"))
        if each["type"] == "number" and str(known[name]).isdigit():
            known[name] = int(known[name])
        if not isinstance(known[name], TYPES[each["type"]]):
            raise BadTemplate(f"{where}: {name} is no {each['type']}: {known[name]!r}")
    return known


def _expanded(node: Any, known: Tree, folder: Path) -> Any:
    if isinstance(node, dict):
        return {key: _expanded(value, known, folder) for key, value in node.items()}
    if isinstance(node, list):
        return [each for item in node for each in _items(item, known, folder)]
    if not isinstance(node, str):
        return node
    if whole := GIVEN.fullmatch(node):
        return known[whole[1]]
    text = GIVEN.sub(lambda found: str(known[found[1]]), node)
    if "${{" in text:
        raise BadTemplate(f"{text!r} is more than a parameter")
    return text


def _items(item: Any, known: Tree, folder: Path) -> Iterator[Any]:
    """An item of a list, or those of the template that it names."""
    found = _expanded(item, known, folder)
    if not (isinstance(found, dict) and "template" in found):
        yield found
        return
    (inside,) = _filled(folder / found["template"], found.get("parameters", {})).values()
    yield from inside
