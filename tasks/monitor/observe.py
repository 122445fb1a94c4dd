"""observe: what came since last time, in windows, each beside the training-time reference."""

from __future__ import annotations

import itertools

import httpx
import numpy as np

from data_checks.check import Check
from data_checks.drift.answers import Answers
from data_checks.drift.rules import DriftRules
from data_checks.drift.service import FAULTS, Counters, troubles
from data_checks.drift.window import Window, class_shares, judged
from tasks.monitor.captured import Captured, collect
from tasks.monitor.records import MEMORY, Fared, Memory, Seen, Watched
from tasks.monitor.watch import reference_of, traffic_of
from tasks.ports import Backend
from tasks.step import say, step

MOST_AT_ONCE = 24  # windows of one run: of more traffic, each is a sample of its time
SCORE = "/score"


@step(name="observe-traffic", timeout_s=3600, run_name="observe {watched.name}")
def observe_traffic(on: Backend, watched: Watched, memory: Memory, rules: DriftRules) -> Seen:
    """
    Judge each whole window that came after ``memory``; the rest waits for the next run.

    Raises:
        Refused: the version has no reference to compare with.
    """
    labels, reference = reference_of(watched)
    version, traffic = watched.version, traffic_of(on)
    traffic.fetch(watched.name, say)
    found = collect(
        traffic, watched.name, version.digest, len(labels), memory.cursor, say
    )  # fmt: skip
    if found.others:
        say(f"{found.others} captured images are left out: of another version, or our own")
    windows = windows_of(found, reference, watched, rules)
    used = len(found.times) // rules.window * rules.window
    inputs = _inputs(on, watched, found, used, labels, reference)
    kept = memory.with_windows(windows, found.after(used))
    seen = Seen(
        kept, len(windows), len(found.times) - used, rules.window, labels,
        class_shares(reference), inputs,
    )  # fmt: skip
    say(seen.said)
    for odd in seen.odd:
        say(odd)
    return seen


def windows_of(
    found: Captured, reference: Answers, watched: Watched, rules: DriftRules
) -> tuple[Window, ...]:
    """The whole windows of what was captured, oldest first; the rest is left for next time."""
    whole = len(found.times) // rules.window
    count = min(whole, MOST_AT_ONCE)
    if not count:
        return ()
    bounds = np.linspace(0, whole * rules.window, count + 1).astype(int)
    return tuple(
        _window(found, int(begin), int(end), reference, watched, rules)
        for begin, end in itertools.pairwise(bounds)
    )


@step(name="observe-service", timeout_s=60, run_name="observe the service of {watched.name}")
def observe_service(on: Backend, watched: Watched, memory: Memory, rules: DriftRules) -> Fared:
    """Ask the service what it counted since last time; one that does not answer is told."""
    counters = None
    if watched.url:
        with traffic_of(on).asking(watched.url) as client:
            counters = read_counters(client, rules.slow_s)
    if counters is None:
        fared = Fared(None, None)
    else:
        since = counters.since(memory.counters)
        fared = Fared(counters, since, troubles(since, rules))
    say(fared.said)
    return fared


def read_counters(client: httpx.Client, slow_s: float) -> Counters | None:
    """What the service counted since it began; ``None`` if it does not say."""
    from prometheus_client.parser import text_string_to_metric_families

    try:
        about, told = client.get("/version"), client.get("/metrics")
        about.raise_for_status()
        told.raise_for_status()
    except httpx.HTTPError:
        return None
    said = about.json()
    samples = [
        sample for family in text_string_to_metric_families(told.text) for sample in family.samples
    ]
    by_status: dict[str, int] = {}
    quick, answered = 0, 0
    for sample in samples:
        if sample.labels.get("path") != SCORE:
            continue
        if sample.name == "mlops_requests_total":
            by_status[sample.labels["status"]] = int(sample.value)
        if sample.name == "mlops_request_seconds_count":
            answered = int(sample.value)
        # Buckets count all that is quicker: the last one within the bound has them all.
        if sample.name == "mlops_request_seconds_bucket" and float(sample.labels["le"]) <= slow_s:
            quick = max(quick, int(sample.value))
    return Counters(
        f"{said['pid']} since {said['since']}",
        sum(by_status.values()),
        sum(by_status.get(status, 0) for status in FAULTS),
        sum(count for status, count in by_status.items() if status.startswith("5")),
        answered - quick,
        answered,
    )


def _inputs(
    on: Backend,
    watched: Watched,
    found: Captured,
    used: int,
    labels: tuple[str, ...],
    reference: Answers,
) -> tuple[Check, ...]:
    """Checks of the single images in whole windows, by Great Expectations."""
    if not used:
        return ()
    from data_checks.drift.inputs import check_inputs

    docs = on.ledger.room(MEMORY, watched.name) / "data_docs"
    answers = found.answers.take(np.arange(used))
    return tuple(check_inputs(found.names[:used], answers, reference, labels, docs))


def _window(
    found: Captured, begin: int, end: int, reference: Answers, watched: Watched, rules: DriftRules
) -> Window:
    times = found.times[begin:end]
    # By its time, so that a run that is repeated after a crash finds the very same.
    random = np.random.default_rng(int(times[-1] * 1000))
    places = np.sort(random.choice(end - begin, rules.window, replace=False)) + begin
    answers = found.answers.take(places.astype(np.int64))
    return Window(
        watched.version.digest, watched.version.number, float(times[0]), float(times[-1]),
        len(answers), end - begin, judged(reference, answers, rules, random),
        class_shares(answers),
    )  # fmt: skip
