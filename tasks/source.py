"""What code is this? Commit and digests of the checkout that runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tasks.digests import digest_of, digest_of_file, digest_of_tree
from tasks.errors import Refused
from tasks.records import Code

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("flows", "tasks", "model", "data_checks", "tests")
LOCKS = ROOT / "infra" / "requirements"
COMMIT, COMMIT_TIME = "MLOPS_COMMIT", "MLOPS_COMMIT_TIME"  # set by infra/worker.Dockerfile


def read_code() -> Code:
    """
    Identify the code of this checkout.

    The digest covers every Python file of the five rooms and the lock files: it is the identity on
    a tree with changes, and where there is no git at all (a downloaded archive). An image without
    git is told its commit when it is built.
    """
    commit = _git("rev-parse", "HEAD") or os.environ.get(COMMIT) or None
    changes = _git("status", "--porcelain", "--", *ROOMS, LOCKS.relative_to(ROOT).as_posix())
    rooms = digest_of_tree(ROOT, [path for room in ROOMS for path in _python_files(ROOT / room)])
    return Code(commit, is_dirty=bool(changes), digest=digest_of((rooms, lock_digest("app"))))


def require_same_code(code: Code) -> None:
    """
    See that this is still the code that a release was asked for.

    Raises:
        Refused: it was changed meanwhile.
    """
    if read_code().digest != code.digest:
        raise Refused(f"the code changed since this release of {code} began; start it again")


def commit_time() -> str:
    """When HEAD was committed, as ISO 8601 has it; nothing where nobody knows."""
    return _git("log", "-1", "--format=%cI") or os.environ.get(COMMIT_TIME) or ""


def training_code() -> str:
    """Digest of the code that decides what a training run computes: neither service nor search."""
    others = {ROOT / "model" / "serve", ROOT / "model" / "tune"}
    files = [p for p in _python_files(ROOT / "model") if others.isdisjoint(p.parents)]
    return digest_of_tree(ROOT, files)


def tuning_code() -> str:
    """Digest of the code that decides what a search finds: that of training, and the search."""
    search = digest_of_tree(ROOT, _python_files(ROOT / "model" / "tune"))
    return digest_of((training_code(), search))


def serving_code() -> str:
    """Digest of the code and packages of the scoring service: of what an image of it holds."""
    from model.bundle import service_files

    return digest_of((digest_of_tree(ROOT, service_files()), lock_digest("serve")))


def checks_code() -> str:
    """Digest of the data checks."""
    return digest_of_tree(ROOT, _python_files(ROOT / "data_checks"))


def lock_digest(part: str) -> str:
    """Digest of one lock file: ``serve``, ``train``, ``app`` or ``dev``."""
    return digest_of_file(LOCKS / f"{part}.txt")


def _python_files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def _git(*words: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
