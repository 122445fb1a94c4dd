"""Detached programs: found again by what they run, ended by their own process id."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psutil

from tasks.errors import Refused, Transient
from tasks.state import CHECKOUT

REFUSED = 3  # exit code of our programs for data that they cannot learn from
FAILED = 4  # likewise for what may go well next time
INTERRUPTED = 130


def start_detached(
    command: list[str], log: Path, environment: Mapping[str, str] = os.environ
) -> subprocess.Popen[bytes]:
    """Start ``command`` so that it outlives us and our terminal; its output goes to ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**environment, "PYTHONUNBUFFERED": "1"},
        )


def running(module: str, argument: str) -> list[psutil.Process]:
    """
    Living processes of ``python -m module … argument …``.

    Asking the system, not a file of ours, finds them also when we were killed before noting them.
    """
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            is_alive = process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            continue
        if is_alive and module in words and argument in words:
            found.append(process)
    return found


def end(process: psutil.Process, *, patience_s: float) -> None:
    """Ask ``process`` to end, wait, insist; a process that is gone already is fine."""
    try:
        process.terminate()
        try:
            process.wait(patience_s)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(5)
    except psutil.NoSuchProcess:
        return


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, for a message."""
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"


def why_it_ended(what: str, code: int | None, log: Path) -> Exception:
    """What to raise when a program of ours ended without what it should have made."""
    said = tail(log)
    if code == REFUSED:
        why = said.splitlines()[-1].removeprefix("refused: ")
        return Refused(f"the {what} refused the data: {why}")
    if code == FAILED:
        why = said.splitlines()[-1].removeprefix("failed: ")
        return Transient(f"the {what} failed: {why}")
    if code is None or code < 0 or code == INTERRUPTED:
        return Transient(f"the {what} was killed (exit code {code}); its last words:\n{said}")
    return RuntimeError(f"the {what} failed with exit code {code}; see {log}\n{said}")


def who_holds(port: int) -> str:
    """The program that listens on ``port``, as far as the system tells."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == "LISTEN":
                if connection.pid is None:
                    return "a program of another user"
                words = psutil.Process(connection.pid).cmdline()
                return f"{_called(words)} (process {connection.pid})"
    except psutil.Error:
        return "a program that the system does not name"
    return "a program that the system does not name"


def _called(words: list[str]) -> str:
    """What a person calls the program: an endpoint by its name, any other by its first words."""
    if "model.serve" in words and "--name" in words[:-1]:
        return f"the endpoint {words[words.index('--name') + 1]}"
    return " ".join(words[:4])
