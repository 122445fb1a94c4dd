"""Every command of both pipelines exists and takes what it is given."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cyclopts import CycloptsError

from flows.cli import app
from tests.conftest import ROOT
from tests.pipelines.definition import read
from tests.pipelines.scripts import commands_of, scripts_of

SHELL = {"key=$(az", "echo"}  # what else a script may begin a command with
MOST_VERSIONS = re.compile(r"[\w/-]+@[0-9a-f]{40}")


def scripts() -> Iterator[tuple[str, str]]:
    """All of both pipelines, with variables of the pipeline that are commands of ours filled in."""
    pipeline = read(ROOT / "azure-pipelines.yml")
    for where, script in scripts_of(pipeline):
        stage = pipeline.stage(where.partition(".")[0])
        asks = [each["value"] for each in stage.raw.get("variables", []) if "value" in each]
        yield f"azure {where}", script.replace("$(asks)", "".join(asks))
    asked = {name: job["with"]["asks"] for name, job in jobs("release").items() if "with" in job}
    for where, script in github():
        for name, asks in asked.items():
            yield f"github {name}.{where}", script.replace("${{ inputs.asks }}", asks)


def jobs(name: str) -> dict:
    return yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())["jobs"]


def github() -> Iterator[tuple[str, str]]:
    for file in ("release", "environment"):
        for name, job in jobs(file).items():
            for number, step in enumerate(job.get("steps", [])):
                if "run" in step:
                    yield f"{file}.{name}.{number}", step["run"]


SCRIPTS = dict(scripts())


def test_there_are_scripts():
    assert len(SCRIPTS) > 20
    assert sum("flows trigger" in each for each in SCRIPTS.values()) >= 8


@pytest.mark.parametrize("where", SCRIPTS)
def test_its_commands_exist_and_take_what_they_are_given(where):
    script = re.sub(r"\$\([\w.-]+\)|\$\{\{[^}]*\}\}", "x", SCRIPTS[where])
    parsed = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)

    assert parsed.returncode == 0, parsed.stderr
    for words in commands_of(script):
        match words:
            case [".venv/bin/python", "-m", "flows", *rest]:
                command, *_ = app.parse_args(rest, exit_on_error=False, print_error=False)
                assert command.__name__ == rest[0]
            case ["make", *rest]:
                known = subprocess.run(["make", "-n", *rest], cwd=ROOT, capture_output=True)
                assert known.returncode == 0, known.stderr
            case ["sudo", "apt-get", *_]:
                continue
            case [program, *_] if program.startswith("infra/"):
                listed = subprocess.run(["git", "ls-files", "-s", program], cwd=ROOT, text=True,
                                        capture_output=True, check=True)  # fmt: skip
                assert listed.stdout.startswith("100755"), f"{program} cannot be run"
            case [first, *_]:
                assert first in SHELL, f"{where}: what is {first}?"


def test_a_wrong_option_would_be_found():
    with pytest.raises(CycloptsError):
        app.parse_args(["trigger", "a/b", "--attached"], exit_on_error=False, print_error=False)


@pytest.mark.parametrize("file", ["release", "environment"])
def test_actions_are_pinned_and_rights_are_the_least(file):
    tree = yaml.safe_load((ROOT / ".github" / "workflows" / f"{file}.yml").read_text())
    uses = [step["uses"] for job in tree["jobs"].values() for step in job.get("steps", [])
            if "uses" in step]  # fmt: skip

    assert [each for each in uses if not MOST_VERSIONS.fullmatch(each)] == []
    assert tree["permissions"].get("contents") == "read"
    for name, job in {"": tree, **tree["jobs"]}.items():
        writes = [key for key, value in job.get("permissions", {}).items() if value == "write"]
        assert writes in ([], ["id-token"]), name
    assert "secrets." not in (ROOT / ".github" / "workflows" / f"{file}.yml").read_text()


def test_what_agents_install_is_enough_to_deploy_and_to_trigger_and_is_light():
    agents = {line.partition("==")[0] for line in locked("pipeline")}
    heavy = {"tensorflow", "mlflow", "great-expectations", "azure-ai-ml", "databricks-sdk"}
    done = subprocess.run([sys.executable, "-m", "tests.pipelines.light"], cwd=ROOT, text=True,
                          capture_output=True)  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert {"release/dev", "promote/prod"} <= set(done.stdout.split())
    assert agents & heavy == set()
    assert set(locked("pipeline")) <= set(locked("dev"))


def locked(part: str) -> list[str]:
    text = Path(ROOT / "infra" / "requirements" / f"{part}.txt").read_text()
    return re.findall(r"^[\w.-]+==[\w.]+", text, re.MULTILINE)
