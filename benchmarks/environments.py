"""An environment of its own for each rival, from locked requirements; made once, then kept."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from benchmarks.results import ROOT

PLACE = ROOT / ".mlops" / "benchmarks"


def python_of(lock: Path) -> Path:
    """The Python of an environment that has what ``lock`` says, and nothing else."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    place = PLACE / f"{lock.stem}-{digest}"
    python = place / "bin" / "python"
    if not (place / "whole").exists():
        print(f"installing {lock.stem}", flush=True)
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, place],
                       check=True)  # fmt: skip
        install = ["pip", "install", "--quiet", "--require-hashes", "--compile-bytecode"]
        subprocess.run([*uv, *install, "--python", python, "-r", lock], check=True)
        (place / "whole").touch()
    return python


def size_bytes(python: Path) -> int:
    """What an environment takes on the disk."""
    files = (file for file in python.parent.parent.rglob("*") if not file.is_symlink())
    return sum(file.stat().st_size for file in files if file.is_file())


def torch_python() -> Path:
    """
    The Python of an environment with PyTorch, wherever pip finds a build for this machine.

    Not locked by hash: its builds for one processor and for GPUs carry one version.
    """
    place = PLACE / "torch"
    python = place / "bin" / "python"
    if not (place / "whole").exists():
        print("installing PyTorch", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "torch==2.13.0", "numpy<2.5"], check=True)
        (place / "whole").touch()
    return python
