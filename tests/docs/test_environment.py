"""infra/export-env: a .env file gets into a shell as it is meant, and nothing in it runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from infra.documents.places import ROOT
from tests.docs.reading import blocks

SCRIPT = ROOT / "infra" / "export-env"
HARD = """\
# a remark
PLAIN=rg-mlops
export EXPORTED=yes
SPACES='two words'
QUOTES="it's"
DOLLAR='$HOME'
COMMAND=$(touch ran)
BACK='`touch ran`'
EMPTY=
UMLAUT=Zürich
"""
MEANT = {
    "PLAIN": "rg-mlops", "EXPORTED": "yes", "SPACES": "two words", "QUOTES": "it's",
    "DOLLAR": "$HOME", "COMMAND": "$(touch ran)", "BACK": "`touch ran`", "EMPTY": "",
    "UMLAUT": "Zürich",
}  # fmt: skip


def in_bash(script: str, where: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script], cwd=where, capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip


def test_values_arrive_as_they_are_meant_and_nothing_runs(tmp_path):
    (tmp_path / ".env").write_text(HARD, encoding="utf-8")

    done = in_bash(f". {SCRIPT} && env -0", tmp_path)
    found = dict(line.partition("=")[::2] for line in done.stdout.split("\0"))

    assert {name: found.get(name) for name in MEANT} == MEANT
    assert not (tmp_path / "ran").exists()


def test_names_are_told_and_values_are_not(tmp_path):
    (tmp_path / ".env").write_text("MLOPS_ENDPOINT_KEYS=very-secret-indeed\n", encoding="utf-8")

    done = in_bash(f". {SCRIPT}", tmp_path)

    assert done.stderr == "exported from .env: MLOPS_ENDPOINT_KEYS\n"
    assert "very-secret" not in done.stdout


@pytest.mark.parametrize(
    ("content", "command", "said"),
    [
        (None, ". {}", "there is no .env here; cp .env.example .env"),
        (None, ". {} .env.prod", "there is no .env.prod here"),
        ("A=1\nno equals sign here\n", ". {}", ".env: line 2 is no NAME=VALUE"),
        ("MLOPS_HOME\n", ". {}", ".env: line 1 is no NAME=VALUE"),
        ("A=1\n", "bash {}", "read it into your shell, do not run it: . infra/export-env"),
    ],
)
def test_what_cannot_be_is_told_with_the_way_out(content, command, said, tmp_path):
    if content:
        (tmp_path / ".env").write_text(content, encoding="utf-8")

    done = in_bash(f"{command.format(SCRIPT)}; echo $? alive", tmp_path)

    assert said in done.stderr
    assert done.stdout == "2 alive\n"


def test_the_example_file_of_the_page_is_exported_as_the_page_shows(tmp_path):
    mine = [b for b in blocks() if b.page.name == "bash-environment-variables.md"]
    (settings,) = (block.text for block in mine if block.language == "ini")
    (shown,) = (block.text for block in mine if block.language == "text")
    (tmp_path / ".env").write_text(settings, encoding="utf-8")

    assert in_bash(f". {SCRIPT}", tmp_path).stderr == shown


def test_env_example_sets_nothing_by_itself(tmp_path):
    (tmp_path / ".env").write_bytes((ROOT / ".env.example").read_bytes())

    assert in_bash(f". {SCRIPT}", tmp_path).stderr.startswith(".env sets nothing;")
