"""gate: do the unit tests marked ``gate`` pass on exactly this code?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TextIO
from xml.etree.ElementTree import ParseError

from tasks.artifacts import markdown_table, show_page
from tasks.errors import Refused, Transient
from tasks.ports import Backend
from tasks.pytest_output import progress, read_junit
from tasks.records import Code, GatePass
from tasks.source import ROOT, require_same_code
from tasks.step import Skipped, say, step

INSIDE = "MLOPS_INSIDE_GATE"
PROD = "prod"  # the environment of that name
BAD = ("failed", "error")  # outcomes
MARK = re.compile(r"\bpytest\.mark\.gate\b")


@step(name="pass-test-gate", timeout_s=1800, run_name="gate {code}")
def pass_test_gate(
    on: Backend, code: Code, is_forced: bool = False
) -> GatePass | Skipped[GatePass]:
    """
    Run the tests marked ``gate`` and let only green code pass.

    Args:
        code: the code that the release was asked for.
        is_forced: run them again, also if they passed before.

    Raises:
        Refused: a test failed, none was found, or the checkout is not ``code``.
    """
    if os.environ.get(INSIDE):
        raise Refused("the gate was asked to run inside the gate: a gate test must not release")
    require_same_code(code)
    if code.is_dirty and on.name.endswith(f":{PROD}"):
        raise Refused(f"{code} is no commit, and {PROD} takes nothing else; commit the changes")
    if not is_forced and (kept := known_pass(on, code)):
        return _skipped(kept)
    with on.ledger.exclusive(f"gate of {code}", say, part=f"gate/{code.digest}"):
        if not is_forced and (kept := known_pass(on, code)):  # another release asked meanwhile
            return _skipped(kept)
        folder = on.ledger.room("gate", code.digest)
        passed = run_tests(code, folder, tests=gate_files(ROOT))
        require_same_code(code)
        on.ledger.keep("gate", code.digest, passed)
        return passed


def _skipped(kept: GatePass) -> Skipped[GatePass]:
    _show(kept.code, read_junit(kept.report))
    return Skipped(
        kept, f"code, tests and lock files are unchanged since {kept.tests} tests passed"
    )


def known_pass(on: Backend, code: Code) -> GatePass | None:
    """The pass that this code has from before, if its report is still here, and no worse since."""
    kept = on.ledger.recall("gate", code.digest, GatePass)
    if kept is None:
        return None
    try:
        rows = read_junit(kept.report)
    except (OSError, ParseError):
        return None
    is_green = bool(rows) and not any(row[1] in BAD for row in rows)
    return replace(kept, code=code) if is_green else None


def gate_files(root: Path) -> list[Path]:
    """Test files with gate tests: all of ``tests/model``, and those elsewhere that say the mark."""
    files = [p for p in sorted((root / "tests").rglob("test_*.py")) if "flows" not in p.parts]
    own = root / "tests" / "model"
    return [p for p in files if p.parent == own or MARK.search(p.read_text(encoding="utf-8"))]


def run_tests(code: Code, folder: Path, tests: list[Path]) -> GatePass:
    """Run ``tests`` by pytest in a process of its own; say each result as it comes."""
    folder.mkdir(parents=True, exist_ok=True)
    junit, began = folder / "junit.xml", time.monotonic()
    junit.unlink(missing_ok=True)
    command = [
        sys.executable, "-m", "pytest", "-m", "gate", "--tb=short", "-v", "--color=no",
        "-p", "no:cacheprovider", f"--junitxml={junit}", *map(str, tests),
    ]  # fmt: skip
    output = _stream(command, folder / "pytest.log")
    if output == 5:
        raise Refused("no test is marked `gate`; a gate that tests nothing would pass anything")
    if not junit.exists():
        tail = (folder / "pytest.log").read_text(encoding="utf-8")[-2000:]
        raise Transient(f"pytest ended with {output} and left no JUnit file:\n{tail}")
    rows = read_junit(junit)
    _show(code, rows)
    failures = [row for row in rows if row[1] in BAD]
    if failures or output != 0:
        raise _refusal(failures, folder, len(rows))
    ran = sum(row[1] == "passed" for row in rows)
    seconds = time.monotonic() - began
    say(f"{ran} gate tests passed in {seconds:.0f} s")
    return GatePass(code, tests=ran, seconds=seconds, report=junit)


def _stream(command: list[str], log: Path) -> int:
    environment = {**os.environ, INSIDE: "1", "PYTHONUNBUFFERED": "1"}
    with (
        log.open("w", encoding="utf-8") as copy,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process,
    ):  # fmt: skip
        try:
            for said in progress(_copied(process.stdout or (), copy)):
                say(said)
        except BaseException:
            process.kill()
            raise
    return process.returncode


def _copied(lines: Iterable[str], copy: TextIO) -> Iterator[str]:
    for line in lines:
        copy.write(line)
        yield line


def _refusal(failures: list[tuple[str, str, str, str]], folder: Path, tests: int) -> Refused:
    lines = [f"{name}: {message.splitlines()[0] if message else 'no message'}"
             for name, _, _, message in failures]  # fmt: skip
    listed = "\n".join(f"  · {line}" for line in lines)
    return Refused(
        f"{len(failures)} of {tests} gate tests failed:\n{listed}\n"
        "Run them yourself: python -m pytest -m gate tests/model\n"
        f"Whole output: {folder / 'pytest.log'}",
        reasons=tuple(lines),
    )


def _show(code: Code, rows: list[tuple[str, str, str, str]]) -> None:
    ordered = sorted(rows, key=lambda row: row[1] == "passed")
    table = markdown_table(("test", "outcome", "seconds", "message"), ordered)
    failed = sum(row[1] in BAD for row in rows)
    verdict = f"{failed} failed" if failed else "passed"
    show_page("test-gate", f"Test gate of {code}: {verdict}", table)
