"""Load on a server by wrk, from one core, and the server on the other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SERVER_CORE, LOAD_CORE = 0, 1
SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Load:
    """What wrk measured; times in milliseconds."""

    a_second: float
    p50_ms: float
    p99_ms: float
    errors: int


def require_wrk() -> None:
    """End with a word on how to get wrk, if it is not here."""
    if shutil.which("wrk") is None:
        sys.exit("this benchmark asks with wrk: install it (Debian: apt install wrk)")


def pinned(core: int) -> list[str]:
    """Words before a command that is to stay on one core; none where there is no taskset."""
    return ["taskset", "-c", str(core)] if shutil.which("taskset") else []


def press(url: str, body: Path, *, connections: int, seconds: int) -> Load:
    """Ask as fast as ``connections`` clients can that wait for each answer."""
    command = [*pinned(LOAD_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
               "--timeout", "20s", "-s", str(SCRIPT), url]  # fmt: skip
    done = subprocess.run(
        command, env={**os.environ, "BODY": str(body)}, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.strip().splitlines()[-1])
    rate = (found["requests"] - found["errors"]) / found["seconds"]
    return Load(max(rate, 0.0), found["p50_ms"], found["p99_ms"], found["errors"])
