"""Documents tell the truth: the tree, limits, rules, the examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import subprocess

from data_checks.drift.rules import DriftRules
from data_checks.limits import Limits
from infra.documents.places import ROOT
from model.tune import space
from tasks.rules import Rules


def test_the_tree_of_the_readme_is_the_tree():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^(\w+)/ {2,}", readme, re.MULTILINE))
    tracked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    folders = {path.partition("/")[0] for path in tracked if "/" in path}

    assert listed == {folder for folder in folders if not folder.startswith(".")}


def test_every_limit_is_explained_with_its_default():
    text = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")

    for name, field in Limits.model_fields.items():
        assert name in text
        if isinstance(field.default, float):
            assert f"{name} = {field.default:g}" in text or f"{name} = {field.default}" in text


def test_every_rule_is_explained():
    text = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")

    for name, field in Rules.model_fields.items():
        assert f"--{name.replace('_', '-')}" in text
        assert f"{field.default}" in text


def test_every_rule_of_the_monitor_is_explained_with_its_default():
    text = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")

    for name, field in DriftRules.model_fields.items():
        default = f" {field.default:g}" if field.default else ""
        assert f"--{name.replace('_', '-')}{default}" in text, name


def test_the_example_of_a_search_space_makes_sense():
    text = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names = dict(vars(space))
    exec(block, names)  # noqa: S102 (our own document)

    assert set(space.chosen(names["SPACE"], names["SPACE"])) <= set(names["SPACE"])


def modules() -> list[str]:
    found = []
    for room in ("model", "data_checks", "tasks", "flows"):
        for module in pkgutil.walk_packages([str(ROOT / room)], f"{room}."):
            if not module.name.endswith("__main__"):
                found.append(module.name)
    return found


def test_examples_in_docstrings_run():
    failed = {}
    for name in modules():
        result = doctest.testmod(importlib.import_module(name))
        if result.failed:
            failed[name] = result.failed

    assert failed == {}
