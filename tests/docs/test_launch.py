""".vscode/launch.json: what each entry starts is there, and takes what it is given."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys

import pytest

from flows.cli import COMMANDS
from infra.documents.places import ROOT
from tests.docs.test_commands import parsers

FOLDER = ROOT / ".vscode"
LAUNCH = json.loads((FOLDER / "launch.json").read_text(encoding="utf-8"))
ENTRIES = LAUNCH["configurations"]
STARTED = [entry for entry in ENTRIES if entry["request"] == "launch"]
INPUT = re.compile(r"\$\{input:(\w+)\}")


def with_inputs(words: list[str]) -> list[str]:
    answers = {each["id"]: each.get("default", "Ann") for each in LAUNCH["inputs"]}
    return [INPUT.sub(lambda found: answers[found[1]], word) for word in words]


@pytest.mark.parametrize("entry", STARTED, ids=lambda entry: entry["name"])
def test_its_arguments_are_understood(entry):
    words = with_inputs(entry["args"])

    if entry["module"] == "pytest":
        files = [word for word in words if word.startswith("tests/")]
        assert all((ROOT / file).is_file() for file in files)
        assert files or "${file}" in words
    else:
        parsers()[entry["module"]](words)


@pytest.mark.parametrize("module", sorted({entry["module"] for entry in STARTED}))
def test_its_program_starts(module):
    assert importlib.util.find_spec(module)

    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_every_command_and_every_step_has_an_entry():
    names = {entry["name"] for entry in ENTRIES}
    begun = {entry["args"][0] for entry in STARTED if entry["module"] == "flows"}
    steps = {
        file.stem
        for file in (ROOT / "tasks").rglob("*.py")
        if any(_is_step(node) for node in ast.parse(file.read_text(encoding="utf-8")).body)
    }

    assert set(COMMANDS) - begun == set()
    assert {f"task: {step}" for step in steps} - names == set()


def _is_step(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and any(
        isinstance(each, ast.Call) and getattr(each.func, "id", "") == "step"
        for each in node.decorator_list
    )


def test_what_an_entry_asks_for_or_runs_before_is_defined():
    text = (FOLDER / "launch.json").read_text(encoding="utf-8")
    tasks = json.loads((FOLDER / "tasks.json").read_text(encoding="utf-8"))["tasks"]
    labels = {task["label"] for task in tasks}

    assert {found[1] for found in INPUT.finditer(text)} == {each["id"] for each in LAUNCH["inputs"]}
    assert {entry["preLaunchTask"] for entry in ENTRIES if "preLaunchTask" in entry} <= labels
