"""How captured traffic is read: each row once, whatever was killed, removed or sent by us."""

from __future__ import annotations

import time

import numpy as np
import pytest

from model.serve.capture import Capture, Sampling
from tasks.backends.local.traffic import FolderTraffic
from tasks.monitor.captured import collect
from tasks.monitor.records import Cursor
from tasks.replay import REPLAYED_ID
from tests.tasks.conftest import put_in_place

MODEL = "m" * 64


@pytest.fixture
def traffic(tmp_path):
    return FolderTraffic(tmp_path)


def capture(tmp_path, *ids: str, model: str = MODEL, classes: int = 3) -> None:
    """One file, with an image for each id; its first probability numbers it."""
    made = Capture(Sampling(tmp_path / "new", share=1), {"digest": model})
    for number, each in enumerate(ids):
        rows = np.full((1, classes), 0.1, np.float32)
        rows[0, 0] = number
        image = np.full((1, 2, 2, 1), number, np.uint8)
        made.note(each, [b"x"], image, rows, [{"label": "a", "probability": 0.9}])
    made.close()
    put_in_place(tmp_path / "new", tmp_path / "endpoints/shop/traffic")


def read(traffic, cursor=None):
    return collect(traffic, "shop", MODEL, 3, cursor or Cursor(), print)


def test_rows_come_in_the_order_of_the_traffic_with_their_features(traffic, tmp_path):
    began = time.time()
    capture(tmp_path, "a", "b", "c")

    found = read(traffic)

    assert found.answers.probabilities[:, 0].tolist() == [0, 1, 2]
    assert found.answers.mean.tolist() == [0, 1, 2]
    assert found.answers.deviation.tolist() == [0, 0, 0]
    assert np.all(found.times >= began - 1)


def test_the_rest_of_a_file_is_read_next_time(traffic, tmp_path):
    capture(tmp_path, *"abcde")
    first = read(traffic)

    second = read(traffic, first.after(3))
    capture(tmp_path, *"xy")
    third = read(traffic, second.after(1))

    assert second.answers.probabilities[:, 0].tolist() == [3, 4]
    assert third.answers.probabilities[:, 0].tolist() == [4, 0, 1]
    assert len(read(traffic, third.after(3)).times) == 0


def test_a_file_that_comes_late_under_an_older_name_is_read(traffic, tmp_path):
    capture(tmp_path, *"abc")
    cursor = read(traffic).after(2)
    capture(tmp_path, *"xy")
    folder = tmp_path / "endpoints/shop/traffic"
    newest = sorted(folder.iterdir())[-1]
    newest.rename(folder / "20200101T000000-1-000001.parquet")

    found = read(traffic, cursor)

    assert len(found.times) == 3
    assert len(read(traffic, found.after(3)).times) == 0


def test_rows_of_another_model_and_of_the_replay_are_left_out(traffic, tmp_path):
    capture(tmp_path, "a", f"{REPLAYED_ID}1", "b")
    capture(tmp_path, "c", model="other")
    capture(tmp_path, "d", classes=5)

    found = read(traffic)

    assert len(found.times) == 2
    assert found.others == 3


def test_files_that_are_gone_or_damaged_cost_their_rows_and_nothing_else(traffic, tmp_path):
    capture(tmp_path, *"abc")
    cursor = read(traffic).after(2)
    folder = tmp_path / "endpoints/shop/traffic"
    capture(tmp_path, *"xy")
    min(folder.iterdir()).unlink()
    (folder / "20200101T000000-1-000001.parquet").write_bytes(b"PAR1 but no more")
    said: list[str] = []

    found = collect(traffic, "shop", MODEL, 3, cursor, said.append)

    assert len(found.times) == 2
    assert "20200101T000000-1-000001.parquet is gone, or damaged" in said[0]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_hole_in_a_file_costs_its_rows_and_nothing_else(traffic, tmp_path, share):
    """As a power cut leaves it: the file is there, and some of its blocks are not."""
    capture(tmp_path, *(f"{n}" for n in range(250)))
    (file,) = (tmp_path / "endpoints/shop/traffic").iterdir()
    data = bytearray(file.read_bytes())
    begin = int(share * len(data))
    data[begin : begin + 64] = bytes(64)
    file.write_bytes(data)

    found = read(traffic)

    assert len(found.times) in (0, 250)  # a hole in what the monitor does not read is none


def test_an_endpoint_without_traffic_has_none(traffic):
    assert len(read(traffic).times) == 0
