"""What ``infra/build-worker`` refuses, before it builds anything, and the way out that it tells."""

from __future__ import annotations

import shutil
import subprocess

from tests.conftest import ROOT
from tests.infra.engine import run

BASE = f"python:3.12-slim@sha256:{'0' * 64}"


def test_a_base_without_a_digest_is_refused():
    done = run("infra/build-worker", "python:3.12-slim", BUILDER="false")

    assert (done.returncode, done.stdout) == (2, "")
    assert "skopeo inspect" in done.stderr


def test_code_that_no_commit_holds_is_refused(tmp_path):
    """In a clone of its own, with a change."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{ROOT}", clone], check=True)
    changed = clone / "flows" / "release.py"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n", encoding="utf-8")

    done = run(clone / "infra" / "build-worker", BASE, BUILDER="false")

    assert (done.returncode, done.stdout) == (3, "")
    assert "commit first" in done.stderr
    assert "flows/release.py" in done.stderr


def test_a_registry_takes_az(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{ROOT}", clone], check=True)

    programs = tmp_path / "programs"  # an agent may have the Azure CLI beside them
    programs.mkdir()
    for name in ("bash", "env", "git", "dirname", "mkdir", "mktemp", "rm", "tar", "chmod"):
        (programs / name).symlink_to(shutil.which(name))

    done = run(clone / "infra" / "build-worker", BASE, REGISTRY="acrmlops", PATH=str(programs))

    assert (done.returncode, done.stdout) == (4, "")
    assert "https://aka.ms/azure-cli" in done.stderr
