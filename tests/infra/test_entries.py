"""The wheel's entries, as a task of a job calls them: what they answer is not looked at."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from tests.conftest import ROOT, plain_environment

ENTRIES = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


def called(entry: str, *words: str) -> subprocess.CompletedProcess[str]:
    module, _, function = entry.partition(":")
    code = f"from {module} import {function}; print('answered', {function}())"
    return subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, env=plain_environment(),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_a_good_end_raises_nothing_and_a_bad_one_does(entry):
    good, bad = called(entry, "--help"), called(entry, "--nonsense")

    assert good.stdout.endswith("answered None\n"), good.stderr
    assert bad.returncode == 2
    assert "answered" not in bad.stdout
    assert "usage: " in bad.stderr
