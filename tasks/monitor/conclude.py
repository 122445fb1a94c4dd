"""conclude: is it drift, may a retraining be asked for, and what is there to look at?"""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

from data_checks.drift.accuracy import LiveAccuracy
from data_checks.drift.history import (
    Calls,
    State,
    drifting,
    earliest,
    newest,
    relieved,
    state_of,
)
from data_checks.drift.rules import DriftRules
from data_checks.drift.service import look
from data_checks.drift.window import Window
from tasks.monitor.event import send
from tasks.monitor.label import accuracy_of, labelled
from tasks.monitor.records import (
    MEMORY,
    Call,
    Fared,
    Labelled,
    Memory,
    Monitored,
    Seen,
    Watched,
)
from tasks.monitor.report import Findings, write_report
from tasks.monitor.words import ACCURACY, clock, evidence, sentence
from tasks.ports import Backend
from tasks.step import say, step


def remembered(on: Backend, name: str) -> Memory:
    """What the run before left, or nothing."""
    return on.ledger.recall(MEMORY, name, Memory) or Memory()


# No retry: it would not know that the call is kept already. The next run does.
@step(name="conclude-drift", timeout_s=600, retries=0, run_name="conclude on {watched.name}")
def conclude_drift(
    on: Backend, watched: Watched, seen: Seen, fared: Fared, rules: DriftRules
) -> Monitored:
    """
    Decide, call for a retraining if it is due, write the report, remember.

    The decision is kept before the event is sent, and sent again under the same id if the process
    was killed in between: Prefect keeps an id once, and for half an hour its triggers heed it once.

    Raises:
        Transient: Prefect did not take the event; the next run sends it.
    """
    now = time.time()
    labels = labelled(on, watched.name)
    accuracy = accuracy_of(labels, watched, rules)
    windows = newest(seen.memory.windows, watched.version.digest, rules)
    reasons = _reasons(windows, accuracy, rules)
    state: State = "drift" if reasons else state_of(windows, rules)
    report = on.ledger.room(MEMORY, watched.name) / "report.html"

    memory = seen.memory.with_look(look(now, fared.since, accuracy), fared.counters)
    if not accuracy.is_low:
        memory = replace(memory, calls=relieved(memory.calls, windows, rules))
    at, why_not = earliest(memory.calls, rules)
    if not memory.due and now >= at and _is_fresh(windows, accuracy, labels, memory.calls, rules):
        payload = evidence(watched, windows, reasons, accuracy, report)
        memory = replace(memory, due=Call(str(uuid.uuid4()), now, payload))
    on.ledger.keep(MEMORY, watched.name, memory)

    called = memory.due
    said = sentence(state, windows, seen, rules, reasons)
    if called:
        said += "; a retraining was called for (event mlops.drift.detected)"
        memory = replace(memory, due=None, calls=memory.calls.with_one(called.at))
    elif reasons:
        said += _patience(at, why_not, now)
    found = Monitored(
        watched.name, watched.version.number, state, said, reasons,
        called.id if called else None, accuracy, (*map(str, fared.troubles), *seen.odd), report,
    )  # fmt: skip
    write_report(Findings(watched, seen, fared, memory, windows, found, rules))
    if called:
        send(called, on.name, watched.name)
        on.ledger.keep(MEMORY, watched.name, memory)
    say(said)
    return found


def _reasons(windows: list[Window], accuracy: LiveAccuracy, rules: DriftRules) -> dict[str, int]:
    """What is drifting, and in how many of the windows that count, or by how many labels."""
    found = drifting(windows, rules)
    return {**found, ACCURACY: accuracy.labels} if accuracy.is_low else found


def _is_fresh(
    windows: list[Window], accuracy: LiveAccuracy, labels: Labelled, calls: Calls, rules: DriftRules
) -> bool:
    """Is there drift in what came after the last call? What came before, that call was about."""
    last = calls.times[-1] if calls.times else 0.0
    since = [window for window in windows if window.ended > last]
    is_new_label = any(image.time > last for image in labels.images)
    return bool(drifting(since, rules)) or (accuracy.is_low and is_new_label)


def _patience(at: float, why_not: str, now: float) -> str:
    if now < at:
        return f"; no call for a retraining before {clock(at)}: {why_not}"
    return "; no call for a retraining: nothing new since the last one"
