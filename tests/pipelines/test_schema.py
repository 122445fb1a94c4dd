"""
Both pipelines keep to the official schemas, which check-jsonschema brings along.

AZURE_PIPELINES_SCHEMA may name a newer one, service-schema.json of azure-pipelines-vscode.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

NEWEST = os.environ.get("AZURE_PIPELINES_SCHEMA")
AZURE = (*(("--schemafile", NEWEST) if NEWEST else ("--builtin-schema", "vendor.azure-pipelines")),
         "--regex-variant", "nonunicode", "--data-transform", "azure-pipelines")  # fmt: skip
GITHUB = ("--builtin-schema", "vendor.github-workflows")
FILES = {
    "azure-pipelines.yml": AZURE,
    "infra/pipelines/environment.yml": AZURE,
    "infra/pipelines/prepare.yml": AZURE,
    ".github/workflows/environment.yml": GITHUB,
    ".github/workflows/release.yml": GITHUB,
}


# The schema does not know version 2, which takes three of the inputs of the deprecated version 1.
LATER = {"PublishCodeCoverageResults@2": "PublishCodeCoverageResults@1"}


def judged(folder: Path, *files: Path, by: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    copies = []
    for file in files:
        text = file.read_text()
        for new, old in LATER.items():
            text = text.replace(new, old)
        # To Azure DevOps each value is a string; to GitHub it is what YAML says.
        loader = yaml.BaseLoader if by is AZURE else yaml.SafeLoader
        tree = yaml.load(text, loader)  # noqa: S506 (neither makes objects)
        if by is GITHUB:
            tree["on"] = tree.pop(True)  # as YAML 1.2 reads it, and GitHub
        copies.append(folder / f"{file.stem}.json")
        copies[-1].write_text(json.dumps(tree))
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *by, *map(str, copies)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_they_keep_to_the_schemas(tmp_path):
    assert {str(path.relative_to(ROOT)) for path in found()} == set(FILES)
    for by in (AZURE, GITHUB):
        done = judged(tmp_path, *(ROOT / name for name, each in FILES.items() if each is by), by=by)
        assert done.returncode == 0, done.stdout + done.stderr


def found() -> list[Path]:
    return [ROOT / "azure-pipelines.yml", *(ROOT / "infra/pipelines").glob("*.yml"),
            *(ROOT / ".github/workflows").glob("*.yml")]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("azure-pipelines.yml", "PublishTestResults@2", "PublishTestResult@2"),
        ("azure-pipelines.yml", "testResultsFiles:", "testResultsFile:"),
        ("infra/pipelines/environment.yml", "lockBehavior: sequential", "lockBehavior: later"),
        (".github/workflows/release.yml", "id-token: write", "id-token: yes"),
        (".github/workflows/release.yml", "runs-on:", "run-on:"),
    ],
)
def test_what_does_not_is_found(tmp_path, file, right, wrong):
    text = (ROOT / file).read_text()
    assert right in text
    spoiled = tmp_path / Path(file).name
    spoiled.write_text(text.replace(right, wrong))

    assert judged(tmp_path, spoiled, by=FILES[file]).returncode == 1
