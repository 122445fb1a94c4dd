"""What the monitor leaves to look at: a page in the state folder, and one in Prefect."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from data_checks.drift import pictures
from data_checks.drift.page import Section, page
from data_checks.drift.rules import DriftRules
from data_checks.drift.window import Window
from tasks.artifacts import markdown_table, picture, show_page
from tasks.monitor.records import Fared, Memory, Monitored, Seen, Watched
from tasks.state import write_whole

COLUMNS = ("statistic", "distance", "95% interval", "p-value", "matters from", "drifted windows")

INPUTS = "By Great Expectations; data_docs/index.html beside this page shows the images by name."


@dataclass(frozen=True)
class Findings:
    """All that the report tells; ``windows`` are those of the verdict."""

    watched: Watched
    seen: Seen
    fared: Fared
    memory: Memory
    windows: list[Window]
    found: Monitored
    rules: DriftRules


def write_report(all_of: Findings) -> None:
    """Write ``report.html`` and its pictures, and show them in Prefect."""
    found, memory = all_of.found, all_of.memory
    by_time = pictures.by_time(memory.windows, memory.calls.times)
    classes = pictures.classes(all_of.seen.labels, all_of.seen.reference, all_of.windows)
    runs = pictures.runs(memory.looks)
    folder = found.report.parent
    for name, data in (("by_time.png", by_time), ("classes.png", classes), ("runs.png", runs)):
        (folder / name).write_bytes(data)
    title = f"{found.endpoint} version {found.version}"
    rows = tuple(_rows(all_of))
    sections = [
        Section("Verdict", (found.said, f"as of {_clock()}; {all_of.seen.said}")),
        Section("Newest window", (_span(all_of.windows),), COLUMNS, rows),
        Section("By time", picture=by_time),
        Section("Classes", picture=classes),
        Section("Single images", *_inputs(all_of.seen)),
        Section("Live accuracy", (str(found.accuracy),)),
        Section("Service", (all_of.fared.said,), picture=runs),
        Section("Calls for a retraining", _calls(memory)),
    ]
    write_whole(found.report, page(title, found.state, sections))
    body = [
        found.said,
        markdown_table(COLUMNS, rows),
        picture(folder / "by_time.png", "each statistic by time"),
        picture(folder / "classes.png", "classes"),
        picture(folder / "runs.png", "service and accuracy"),
        *[f"* {trouble}" for trouble in found.troubles],
        f"Live accuracy: {found.accuracy}",
        f"Service: {all_of.fared.said}",
        f"Page: `{found.report}`",
    ]
    key = re.sub(r"[^a-z0-9]+", "-", f"drift-{found.endpoint.lower()}").strip("-")
    show_page(key, f"{title}: {found.state}", "\n\n".join(body))


def _rows(all_of: Findings) -> list[tuple[str, ...]]:
    if not all_of.windows:
        return []
    counts = {
        each.statistic: sum(each.statistic in window.drifted for window in all_of.windows)
        for each in all_of.windows[-1].distances
    }
    return [
        (
            each.statistic, f"{each.distance:.3f}", f"{each.low:.3f} … {each.high:.3f}",
            f"{each.p_value:.4f}", f"{each.least:g}",
            f"{counts[each.statistic]} of {len(all_of.windows)} (drift from "
            f"{all_of.rules.drifting} of {all_of.rules.of})",
        )
        for each in all_of.windows[-1].distances
    ]  # fmt: skip


def _inputs(
    seen: Seen,
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, ...], ...]]:
    if not seen.inputs:
        return ("no new window, so nothing was checked",), (), ()
    rows = tuple(
        (each.name, "passed" if each.passed else "WARNS", each.observed, each.limit)
        for each in seen.inputs
    )
    return (INPUTS,), ("check", "verdict", "found", "expected"), rows


def _span(windows: list[Window]) -> str:
    if not windows:
        return "none yet for this version"
    last = windows[-1]
    return (f"{last.images} images of {last.of} between {_clock(last.began)} and "
            f"{_clock(last.ended)}")  # fmt: skip


def _calls(memory: Memory) -> tuple[str, ...]:
    calls = memory.calls
    if not calls.times:
        return ("none so far",)
    helped = f"{calls.unhelped} of the newest not followed by steady windows yet"
    return (*[_clock(time_s) for time_s in calls.times[-10:]], helped)


def _clock(time_s: float | None = None) -> str:
    when = datetime.now(UTC) if time_s is None else datetime.fromtimestamp(time_s, UTC)
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"
