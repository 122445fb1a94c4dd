"""What is said of a verdict on traffic: a sentence for people, evidence for the event."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data_checks.drift.accuracy import LiveAccuracy
from data_checks.drift.history import State
from data_checks.drift.rules import DriftRules
from data_checks.drift.window import Window
from tasks.monitor.records import Seen, Watched

ACCURACY = "live accuracy"  # a reason beside the statistics of traffic


def sentence(
    state: State, windows: list[Window], seen: Seen, rules: DriftRules, reasons: dict[str, int]
) -> str:
    """
    The verdict in one line.

    Args:
        windows: those that count.
        reasons: what drifted → in how many windows, or by how many labels.
    """
    if state == "drift":
        return f"drift: {', '.join(_reason(*each, len(windows)) for each in reasons.items())}"
    if state == "no verdict":
        return (
            f"no verdict, too few samples: {len(windows)} windows of {seen.size} images of this "
            f"version, {rules.drifting} are needed; {seen.waiting} images wait"
        )
    new = "" if seen.windows else "nothing new to judge; as before: "
    return f"{new}steady over the newest {len(windows)} windows"


def evidence(
    watched: Watched,
    windows: list[Window],
    reasons: dict[str, int],
    accuracy: LiveAccuracy,
    report: Path,
) -> dict[str, Any]:
    """The payload of the event: which statistic, in which windows, how far, where to look."""
    last = {each.statistic: each for each in windows[-1].distances} if windows else {}
    version = watched.version
    return {
        "endpoint": watched.name,
        "backend": watched.backend,
        "version": version.number,
        "model_digest": version.digest,
        "data": version.tags.get("dataset_uri"),
        "statistics": [
            {
                "statistic": name, "drifted_windows": count, "of_windows": len(windows),
                "distance": last[name].distance, "low": last[name].low, "high": last[name].high,
                "p_value": last[name].p_value, "least": last[name].least,
            }
            for name, count in reasons.items()
            if name in last
        ],
        "windows": [
            {"began": clock(each.began), "ended": clock(each.ended), "images": each.images,
             "of": each.of, "drifted": list(each.drifted)}
            for each in windows
        ],
        "live_accuracy": {
            "accuracy": accuracy.accuracy, "low": accuracy.low, "high": accuracy.high,
            "bound": accuracy.bound, "labels": accuracy.labels,
        } if accuracy.is_low else None,
        "report": report.as_uri(),
    }  # fmt: skip


def clock(time_s: float) -> str:
    """UTC, ISO 8601."""
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="seconds")


def _reason(name: str, count: int, windows: int) -> str:
    if name == ACCURACY:
        return f"{name} (by {count} labels)"
    return f"{name} (in {count} of the newest {windows} windows)"
