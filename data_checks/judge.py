"""The verdict of every expectation: what Great Expectations found, in our words."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from data_checks.check import Check
from data_checks.expectations import Expected, expectations
from data_checks.limits import FILE, BadLimits, Limits, Severity
from data_checks.measures import Tables
from data_checks.pool import FactsFailed
from data_checks.suites import NAMES, frame_of_images, open_context, run_suites


def judge(
    tables: Tables, limits: Limits, labels: Sequence[str], docs: Path, *, has_reference: bool,
    loss_in: Callable[[str], str] = lambda fault: "",
) -> list[Check]:  # fmt: skip
    """
    The verdict of every expectation; its Data Docs are written to ``docs``.

    Args:
        loss_in: what was lost, if that is why an expectation could not be asked. Great Expectations
            catches whatever is raised: a lost machine would be a verdict on the data.

    Raises:
        FactsFailed: something was lost; the same again may go well.
    """
    context = open_context()
    every = expectations(limits.model_copy(update={"size_policy": "same"}), labels, tables)
    names = [each.name for each in every]
    if unknown := sorted(limits.severity.keys() - set(names)):
        listed = ", ".join(names)
        raise BadLimits(f"{FILE}: severity of unknown checks {unknown}; the checks are: {listed}")
    expected = expectations(limits, labels, tables)
    if not has_reference:
        expected = [each for each in expected if each.table != "drift"]
    frame_of = functools.partial(frame_of_images, tables)
    results = run_suites(context, [each for each in expected if not each.unknown], frame_of, docs)
    for told in (told for result in results.values() for told in _raised(result)):
        if lost := loss_in(f"{told.get('exception_message')}\n{told.get('exception_traceback')}"):
            raise FactsFailed(lost)
    return [check_of(each, results.get(each.name), limits.severity) for each in expected]


def check_of(expected: Expected, result: Any, severity: Mapping[str, Severity]) -> Check:
    """The verdict in our words; ``severity`` names those that differ from what is expected."""
    numbers = result.result if result else {}
    first = numbers.get("unexpected_index_list") or []
    return Check(
        expected.name,
        severity=severity.get(expected.name, expected.severity),
        passed=bool(result and result.success),
        observed=expected.unknown or _fault(result) or _observed(numbers, expected),
        limit=expected.limit,
        reason=expected.reason,
        offenders=tuple(str(row[NAMES[expected.table]]) for row in first),
        offender_count=numbers.get("unexpected_count") or 0,
    )


def _fault(result: Any) -> str:
    """Why the expectation could not be asked, as of a column that is not there; or nothing."""
    for told in _raised(result):
        lines = str(told.get("exception_message")).strip().splitlines() or ["no reason was told"]
        return f"cannot be judged: {lines[0][:200]}"
    return ""


def _raised(result: Any) -> Iterator[Mapping[str, Any]]:
    """What was raised while the expectation was asked: of it all, or of each of its metrics."""
    told = (result.exception_info or {}) if result else {}
    for each in (told, *told.values()):
        if isinstance(each, dict) and each.get("raised_exception"):
            yield each


def _observed(numbers: Any, expected: Expected) -> str:
    if "observed_value" in numbers:
        return _short(numbers["observed_value"], digits=10)  # fewer than engines agree upon
    count, total = numbers.get("unexpected_count", 0), numbers.get("element_count", 0)
    what = {"classes": "classes", "drift": "statistics"}.get(expected.table, "images")
    if not count:
        return f"all of {total:,} {what}"
    some = ", ".join(dict.fromkeys(_short(v) for v in numbers["partial_unexpected_list"]))
    shown = "" if some in ("True", "False") else f" ({some[:120]})"
    return f"{count:,} of {total:,} {what}{shown}"


def _short(value: Any, digits: int = 4) -> str:
    """Alike for what engines represent in ways of their own."""
    if value is None or value != value:
        return "missing"
    if isinstance(value, tuple):
        return f"({', '.join(map(_short, value))})"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)
