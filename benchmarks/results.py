"""What all benchmarks share: the machine, the commit, the memory of a process tree, results.md."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
NAME = "benchmarks/results.md"
RESULTS = ROOT / NAME
HEAD = """# Results

Each section was written by the command that it names. Ratios are of two sides that ran in turn,
in one go, on one machine; they tell more than seconds do, which are those of that machine.
"""


@dataclass(frozen=True)
class Measured:
    """
    A command that ran to its end.

    Attributes:
        output: what it wrote to standard output.
        seconds: from its start to its end.
        peak_bytes: the most memory that it and its children held together, see ``pss_bytes``.
    """

    output: str
    seconds: float
    peak_bytes: int


def machine() -> str:
    """Model of the processor and number of cores that we may use: nothing that names a host."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores"


def commit() -> str:
    """The commit of this checkout, and whether tracked files other than results.md differ."""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{NAME}")
    return _git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


def append(title: str, table_markdown: str, command: str, *, to: Path = RESULTS) -> None:
    """Add a dated section to ``results.md``: when, where, on which commit, by which command."""
    text = to.read_text(encoding="utf-8") if to.exists() else HEAD
    when = datetime.now(UTC).date().isoformat()
    section = f"## {title}, {when}\n\n{machine()} · commit {commit()} · `{command}`\n\n"
    to.write_text(f"{text.rstrip()}\n\n{section}{table_markdown.strip()}\n", encoding="utf-8")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are aligned to the right, as numbers are."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def pss_bytes(pid: int) -> int:
    """
    Memory of the process ``pid`` and all below it, in bytes.

    The sum of proportional set sizes: a page that several of them share counts once in all.

    Raises:
        OSError: the system does not tell proportional set sizes; Linux does.
    """
    if not psutil.LINUX:
        raise OSError(f"{platform.system()} tells no proportional set sizes; measure on Linux")
    try:
        top = psutil.Process(pid)
        return sum(map(_pss_of, (top, *top.children(recursive=True))))
    except psutil.NoSuchProcess:
        return 0  # it ended meanwhile


def measure(
    command: Sequence[str], *, every_s: float = 0.1, memory: Callable[[int], int] = pss_bytes
) -> Measured:
    """
    Run ``command`` in the checkout and look at the memory of its processes every ``every_s``.

    From outside, so that the looking neither waits for its locks nor counts as its memory.

    Raises:
        subprocess.CalledProcessError: it failed; what it wrote to standard error was shown.
    """
    began, peak = time.monotonic(), 0
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:  # a pipe would fill up
        with subprocess.Popen(command, cwd=ROOT, stdout=output) as process:
            try:
                while process.poll() is None:
                    peak = max(peak, memory(process.pid))
                    time.sleep(every_s)
            except BaseException:
                process.terminate()
                raise
        seconds = time.monotonic() - began
        output.seek(0)
        told = output.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command), told)
    return Measured(told, seconds, peak)


def _pss_of(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied, ValueError):
        return 0  # ended, or a zombie: it holds nothing


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", told.read_text(), re.M) if told.exists() else None
    return " ".join((found[1] if found else platform.processor() or platform.machine()).split())


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if not done.returncode else "unknown"
