"""Drift in captured traffic: real images, a real model, the service's own capture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks import drifts
from benchmarks.drifts import Drift, Pool
from data_checks.drift.history import drifting, newest, state_of
from data_checks.drift.rules import DriftRules
from data_checks.drift.window import Window
from model.folder import ModelFolder
from model.scorer import Scorer
from tasks.backends.local.traffic import FolderTraffic
from tasks.monitor.captured import collect
from tasks.monitor.observe import windows_of
from tasks.monitor.records import Cursor, Watched
from tasks.monitor.watch import reference_of
from tasks.records import ModelVersion
from tests.tasks.conftest import captured

pytestmark = pytest.mark.slow
RULES = DriftRules()


@dataclass(frozen=True)
class Shop:
    """A model, and images of the kind that it knows, which it never saw."""

    pool: Pool
    scorer: Scorer
    folder: ModelFolder

    @property
    def watched(self) -> Watched:
        version = ModelVersion("shop", 1, self.folder.digest, self.folder.path)
        return Watched("shop", "local", version)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    from model.config import TrainConfig
    from model.train import train

    place = tmp_path_factory.mktemp("shop")
    pool = drifts.part_sample(place / "sample.parquet")
    config = TrainConfig(epochs=5)
    assert train(data=str(place / "sample.parquet"), out=place / "out", config=config) == 0
    return Shop(pool, Scorer(place / "out", threads=2), ModelFolder.read(place / "out"))


def hours(shop: Shop, state: Path, kind: Drift, *, windows: Iterable[int]) -> Iterable[Window]:
    """Windows of captured traffic as runs find them, one run for each number of ``windows``."""
    _, reference = reference_of(shop.watched)
    cursor = Cursor()
    for seed, count in enumerate(windows):
        captured(shop.folder, shop.scorer, state, kind, shop.pool, RULES.window * count, seed)
        found = collect(FolderTraffic(state), "shop", shop.folder.digest, 10, cursor, print)
        assert len(found.times) == RULES.window * count
        cursor = found.after(len(found.times))
        yield from windows_of(found, reference, shop.watched, RULES)


def test_a_hundred_windows_without_drift_raise_at_most_two_alarms(shop, tmp_path):
    windows = list(hours(shop, tmp_path, drifts.none(), windows=[10] * 10))

    alarms = [
        at
        for at in range(1, len(windows) + 1)
        if drifting(newest(windows[:at], shop.folder.digest, RULES), RULES)
    ]
    assert len(windows) == 100
    assert len(alarms) <= 2
    assert sum(bool(window.drifted) for window in windows) <= 5  # one in a hundred was agreed
    assert state_of(windows[-5:], RULES) == "steady"


@pytest.mark.parametrize(
    ("kind", "statistic", "within"),
    [
        (drifts.darker(0.6), "brightness", 3),
        (drifts.noisy(32), "answers", 5),
        (drifts.more_of("Bag", 0.3), "label shares", 5),
        (drifts.rotated(), "answers", 3),
        (drifts.unknown(0.5), "answers", 3),
        (drifts.unknown(0.2), "brightness", 5),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_drift_is_found_within_the_stated_windows(shop, tmp_path, kind, statistic, within):
    windows: list[Window] = []

    for window in hours(shop, tmp_path, kind, windows=[1] * within):
        windows.append(window)
        if statistic in drifting(windows, RULES):
            break

    assert statistic in drifting(windows, RULES), [w.distances for w in windows]


def test_every_distance_has_an_interval_around_it(shop, tmp_path):
    (window,) = hours(shop, tmp_path, drifts.rotated(), windows=[1])

    assert [each.statistic for each in window.distances] == [
        "label shares", "confidence", "brightness", "contrast", "answers",
    ]  # fmt: skip
    assert all(each.low <= each.distance <= each.high for each in window.distances)
    assert sum(window.shares) == pytest.approx(1)
