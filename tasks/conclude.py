"""conclude: is it drift, may a retraining be asked for, and what is there to look at?"""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data_checks.drift.accuracy import LiveAccuracy
from data_checks.drift.history import (
    State,
    drifting,
    earliest,
    newest,
    relieved,
    state_of,
)
from data_checks.drift.rules import DriftRules
from data_checks.drift.window import Window
from tasks.drift_event import send
from tasks.drift_report import Findings, write_report
from tasks.label import accuracy_of, labelled
from tasks.monitored import Call, Fared, Memory, Monitored, Seen, Watched
from tasks.ports import Backend
from tasks.step import say, step

MEMORY = "monitor"  # where the ledger keeps it
ACCURACY = "live accuracy"


def remembered(on: Backend, name: str) -> Memory:
    """What the run before left, or nothing."""
    return on.ledger.recall(MEMORY, name, Memory) or Memory()


@step(name="conclude-drift", timeout_s=600, run_name="conclude on {watched.name}")
def conclude_drift(
    on: Backend, watched: Watched, seen: Seen, fared: Fared, rules: DriftRules
) -> Monitored:
    """
    Decide, call for a retraining if it is due, write the report, remember.

    The decision is kept before the event is sent, and sent again under the same id if the process
    was killed in between: Prefect's triggers heed an id once.

    Raises:
        Transient: Prefect did not take the event; the next run sends it.
    """
    now = time.time()
    memory = replace(seen.memory, counters=fared.counters or seen.memory.counters)
    windows = newest(memory.windows, watched.version.digest, rules)
    memory = replace(memory, calls=relieved(memory.calls, windows, rules))
    accuracy = accuracy_of(labelled(on, watched.name), watched, rules)
    room = on.ledger.room(MEMORY, watched.name)
    report = room / "report.html"
    reasons = _reasons(windows, accuracy, rules)
    state: State = "drift" if reasons else state_of(windows, rules)

    at, why_not = earliest(memory.calls, rules)
    is_new = bool(reasons) and memory.due is None and now >= at
    if is_new:
        payload = _payload(on, watched, windows, reasons, accuracy, report)
        memory = replace(memory, due=Call(str(uuid.uuid4()), now, payload))
    on.ledger.keep(MEMORY, watched.name, memory)

    called = memory.due
    if called:
        send(called, on.name, watched.name)
        memory = replace(memory, due=None, calls=memory.calls.with_one(called.at))
        on.ledger.keep(MEMORY, watched.name, memory)
    said = _said(state, windows, seen, rules, reasons)
    if reasons and not called:
        said += f"; no call for a retraining before {_clock(at)}: {why_not}"
    if called:
        said += "; a retraining was called for (event mlops.drift.detected)"
    say(said)
    found = Monitored(
        watched.name, watched.version.number, state, said, reasons,
        called.id if called else None, accuracy, fared.troubles, report,
    )  # fmt: skip
    write_report(Findings(watched, seen, fared, memory, windows, found, rules))
    return found


def _reasons(windows: list[Window], accuracy: LiveAccuracy, rules: DriftRules) -> dict[str, int]:
    """What is drifting, and in how many of the windows that count."""
    found = drifting(windows, rules)
    return {**found, ACCURACY: accuracy.labels} if accuracy.is_low else found


def _said(
    state: State, windows: list[Window], seen: Seen, rules: DriftRules, reasons: dict[str, int]
) -> str:
    if state == "drift":
        named = [
            f"{name} ({'by ' + str(count) + ' labels' if name == ACCURACY else
                       f'in {count} of the newest {len(windows)} windows'})"
            for name, count in reasons.items()
        ]  # fmt: skip
        return f"drift: {', '.join(named)}"
    if state == "no verdict":
        return (
            f"no verdict, too few samples: {len(windows)} windows of {seen.size} images of this "
            f"version, {rules.drifting} are needed; {seen.waiting} images wait"
        )
    new = "" if seen.windows else "nothing new to judge; as before: "
    return f"{new}steady over the newest {len(windows)} windows"


def _payload(
    on: Backend,
    watched: Watched,
    windows: list[Window],
    reasons: dict[str, int],
    accuracy: LiveAccuracy,
    report: Path,
) -> dict[str, Any]:
    """The evidence, as JSON: which statistic, in which windows, beside what."""
    last = {each.statistic: each for each in windows[-1].distances} if windows else {}
    version = watched.version
    return {
        "endpoint": watched.name,
        "backend": on.name,
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
            {"began": _clock(each.began), "ended": _clock(each.ended), "images": each.images,
             "of": each.of, "drifted": list(each.drifted)}
            for each in windows
        ],
        "live_accuracy": {
            "accuracy": accuracy.accuracy, "low": accuracy.low, "high": accuracy.high,
            "bound": accuracy.bound, "labels": accuracy.labels,
        } if accuracy.is_low else None,
        "report": report.as_uri(),
    }  # fmt: skip


def _clock(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="seconds")
