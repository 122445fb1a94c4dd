"""The verdict on traffic: one call for a retraining, with evidence, whatever happens meanwhile."""

from __future__ import annotations

import time
from dataclasses import replace

import httpx
import pytest

from data_checks.drift.history import HOUR_S
from data_checks.drift.rules import DriftRules
from model.folder import ModelFolder
from tasks.backends import choose
from tasks.monitor import conclude
from tasks.monitor.conclude import conclude_drift, remembered
from tasks.monitor.label import LABELS
from tasks.monitor.records import Fared, Labelled, LabelledImage, Seen, Watched
from tasks.records import ModelVersion
from tests.data_checks.drift.test_history import window

RULES = DriftRules()
NOTHING = Fared(None, None)


@pytest.fixture
def on(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path / "state"))
    return choose("local")


@pytest.fixture
def watched(model_folder, tmp_path):
    """An endpoint of its own name for each test, by which its events are found."""
    folder = ModelFolder.read(model_folder)
    version = ModelVersion(
        tmp_path.name, 3, folder.digest, folder.path, {"dataset_uri": "az://images/light"}
    )
    return Watched(tmp_path.name, "local", version)


@pytest.fixture
def monitor(on, watched, in_a_flow):
    """A run whose traffic amounted to these windows, since the run before."""

    def run(*drifted: tuple[str, ...]):
        now = time.time() - 5  # it is judged after it came
        model = watched.version.digest
        windows = tuple(
            replace(window(*names, at=now + n * 1e-3, model=model), shares=(0.5, 0.5))
            for n, names in enumerate(drifted)
        )
        memory = remembered(on, watched.name)
        memory = memory.with_windows(windows, memory.cursor)
        seen = Seen(memory, len(windows), 7, RULES.window, ("dark", "bright"), (0.5, 0.5))
        return in_a_flow(conclude_drift, on, watched, seen, NOTHING, RULES)

    return run


@pytest.fixture
def events(prefect_url, watched):
    """The events about this endpoint that Prefect has."""

    def read(count: int):
        """They arrive a moment later: wait for ``count``, and see that there are no more."""
        asked = {"filter": {"event": {"name": ["mlops.drift.detected"]}}, "limit": 50}
        for _ in range(100):
            answer = httpx.post(f"{prefect_url}/events/filter", json=asked, trust_env=False)
            found = [
                each
                for each in answer.json()["events"]
                if each["payload"]["endpoint"] == watched.name
            ]
            if len(found) >= count:
                break
            time.sleep(0.1)
        assert len(found) == count
        return found

    return read


def later(on, watched, hours: float) -> None:
    """Let the calls so far be so many hours older."""
    memory = remembered(on, watched.name)
    times = tuple(time_s - hours * HOUR_S for time_s in memory.calls.times)
    windows = tuple(
        replace(w, began=w.began - hours * HOUR_S, ended=w.ended - hours * HOUR_S)
        for w in memory.windows
    )
    aged = replace(memory, calls=replace(memory.calls, times=times), windows=windows)
    on.ledger.keep("monitor", watched.name, aged)


DARK = ("brightness",)


def test_too_few_windows_give_no_verdict(monitor, events):
    found = monitor(DARK, DARK)

    assert found.state == "no verdict"
    assert "too few samples: 2 windows of 250 images" in found.said
    assert "7 images wait" in found.said
    events(0)


def test_steady_windows_are_called_steady(monitor, events):
    assert monitor((), DARK, (), ()).state == "steady"
    events(0)


def test_drift_calls_for_a_retraining_with_its_evidence(monitor, events, watched):
    found = monitor(DARK, DARK, DARK)

    (event,) = events(1)
    payload = event["payload"]
    assert found.drifting == {"brightness": 3}
    assert event["id"] == found.event
    assert event["resource"]["prefect.resource.id"] == f"mlops.endpoint.local.{watched.name}"
    assert (payload["version"], payload["model_digest"]) == (3, watched.version.digest)
    assert payload["data"] == "az://images/light"
    assert payload["report"] == found.report.as_uri()
    (statistic,) = payload["statistics"]
    assert (statistic["statistic"], statistic["drifted_windows"]) == ("brightness", 3)
    assert [each["drifted"] for each in payload["windows"]] == [["brightness"]] * 3


def test_drift_that_goes_on_for_hours_calls_once(on, watched, monitor, events):
    monitor(DARK, DARK, DARK)

    for _ in range(3):
        later(on, watched, 6)
        found = monitor(DARK, DARK)
        assert found.state == "drift"
        assert found.event is None
        assert "no call for a retraining before" in found.said
    events(1)


def test_after_the_pause_it_calls_again_and_then_waits_twice_as_long(on, watched, monitor, events):
    for hours in (25, 25, 25):
        monitor(DARK, DARK, DARK)
        later(on, watched, hours)

    events(2)
    assert remembered(on, watched.name).calls.unhelped == 2


def test_what_drifted_before_a_call_calls_no_second_time(on, watched, monitor, events):
    monitor(DARK, DARK, DARK)
    later(on, watched, 30)

    found = monitor()

    assert found.state == "drift"
    assert "nothing new since the last one" in found.said
    events(1)


def test_steady_traffic_after_a_call_shows_that_it_helped(on, watched, monitor, events):
    monitor(DARK, DARK, DARK)
    later(on, watched, 1)
    monitor((), (), (), (), ())

    assert remembered(on, watched.name).calls.unhelped == 0
    events(1)


def test_a_new_version_is_judged_by_its_own_windows(on, watched, monitor, in_a_flow):
    monitor(DARK, DARK, DARK)
    newer = replace(watched, version=replace(watched.version, number=4, digest="another"))
    seen = Seen(remembered(on, watched.name), 0, 0, 250, ("dark", "bright"), (0.5, 0.5))

    found = in_a_flow(conclude_drift, on, newer, seen, NOTHING, RULES)

    assert found.state == "no verdict"


def test_killed_before_the_event_was_sent_it_is_sent_by_the_next_run(
    on, watched, monitor, events, monkeypatch
):
    def killed(*_):
        raise SystemExit(9)

    with monkeypatch.context() as patched:
        patched.setattr(conclude, "send", killed)
        with pytest.raises(SystemExit):
            monitor(DARK, DARK, DARK)
    events(0)

    found = monitor()

    assert [each["id"] for each in events(1)] == [found.event]
    assert remembered(on, watched.name).due is None


def test_killed_after_the_event_was_sent_it_is_the_same_event_again(
    on, watched, monitor, events, monkeypatch
):
    def send_and_die(*given):
        send(*given)
        raise SystemExit(9)

    send = conclude.send
    with monkeypatch.context() as patched:
        patched.setattr(conclude, "send", send_and_die)
        with pytest.raises(SystemExit):
            monitor(DARK, DARK, DARK)
    (first,) = events(1)

    found = monitor()

    assert found.event == first["id"]
    events(1)


def test_accuracy_below_its_bound_calls_too(on, watched, monitor, events):
    def keep(right: int):
        model = watched.version.digest
        images = tuple(
            LabelledImage(f"r{n}", 0, time.time(), model, "dark", "dark" if n < right else "bright")
            for n in range(200)
        )
        on.ledger.keep(LABELS, watched.name, Labelled(images))

    keep(190)
    assert monitor((), (), ()).state == "steady"
    keep(120)
    found = monitor()

    assert found.drifting == {"live accuracy": 200}
    (event,) = events(1)
    assert event["payload"]["live_accuracy"]["accuracy"] == 0.6


def test_the_report_shows_numbers_and_pictures(monitor, watched):
    found = monitor(DARK, DARK, DARK)

    page = found.report.read_text(encoding="utf-8")
    assert f'{watched.name} version 3: <span class="drift">drift</span>' in page
    assert page.count('src="data:image/png;base64,') == 3
    assert "3 of 3 (drift from 3 of 5)" in page
