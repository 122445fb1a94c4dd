"""What pytest says: line by line while it runs, and as JUnit at its end."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from pathlib import Path

OUTCOMES = {"failure": "failed", "error": "error", "skipped": "skipped"}


def progress(lines: Iterable[str]) -> Iterator[str]:
    """What to tell of pytest's lines: each file when it is done, each failure at once."""
    file, passed = "", 0
    for line in lines:
        match = re.match(r"(\S+?)::(\S.*?) (PASSED|FAILED|ERROR)", line)
        if match and match[1] != file:
            if passed:
                yield f"{passed} passed in {file}"
            file, passed = match[1], 0
        if match and match[3] == "PASSED":
            passed += 1
        elif match:
            yield f"{match[3].lower()} {match[2]}"
    if passed:
        yield f"{passed} passed in {file}"


def read_junit(junit: Path) -> list[tuple[str, str, str, str]]:
    """Rows of (test, outcome, seconds, message)."""
    rows = []
    for case in ElementTree.parse(junit).iter("testcase"):  # noqa: S314 (pytest wrote it just now)
        name = f"{case.get('classname', '')}::{case.get('name', '')}"
        kinds = {child.tag: child for child in case}
        outcome = next((said for tag, said in OUTCOMES.items() if tag in kinds), "passed")
        child = kinds.get("failure", kinds.get("error"))
        message = _message(child) if child is not None else ""
        rows.append((name, outcome, case.get("time", "0"), message))
    return rows


def _message(child: ElementTree.Element) -> str:
    """What went wrong; where pytest says only ``collection failure``, the error behind it."""
    said = child.get("message") or ""
    if child.tag == "failure":
        return said
    errors = [line[1:].strip() for line in (child.text or "").splitlines() if line[:1] == "E"]
    return f"{said}: {errors[-1]}" if errors else said
