"""Documents tell the truth: the tree, the commands, the links, the examples."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from data_checks.drift.rules import DriftRules
from data_checks.limits import Limits
from flows.cli import COMMANDS
from model.config import TrainConfig
from model.tune import space
from tasks.rules import Rules

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def cli_text() -> str:
    """The help of the command line and of every command, in a width of its own."""
    parts = []
    for words in [[], *[[name] for name in COMMANDS]]:
        command = [sys.executable, "-m", "flows", *words, "--help"]
        environment = {**os.environ, "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        lines = "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())
        parts.append(f"$ python -m flows {' '.join([*words, '--help'])}\n\n{lines}\n")
    return "\n".join(parts)


def test_the_help_is_that_of_docs_cli_txt():
    assert cli_text() == (ROOT / "docs" / "cli.txt").read_text(encoding="utf-8"), "run `make docs`"


def test_the_tree_of_the_readme_is_the_tree():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^(\w+)/ {2,}", readme, re.MULTILINE))
    tracked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    folders = {path.partition("/")[0] for path in tracked if "/" in path}

    assert listed == {folder for folder in folders if not folder.startswith(".")}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    targets = re.findall(r"\]\((?!http)([^)#]+)", document.read_text(encoding="utf-8"))

    missing = [target for target in targets if not (document.parent / target).exists()]

    assert missing == []


def test_every_make_target_that_is_named_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE):
            assert f"\n{target}:" in makefile, (document.name, target)


def test_every_command_that_is_named_exists():
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for command in re.findall(r"python -m flows ([a-z]+)", text):
            assert command in COMMANDS, (document.name, command)


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


def test_the_example_of_limits_can_be_read():
    text = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)

    assert Limits.model_validate(tomllib.loads(example)).size_policy == "resize"


def test_every_knob_has_a_description():
    assert all(field.description for field in TrainConfig.model_fields.values())


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


if __name__ == "__main__":
    sys.stdout.write(cli_text())
