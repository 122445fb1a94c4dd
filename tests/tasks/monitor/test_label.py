"""Labels that come later: joined with what was captured, and refused where they make no sense."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from data_checks.drift.rules import DriftRules
from model.folder import ModelFolder
from model.serve.capture import Capture, Sampling
from tasks.backends import choose
from tasks.errors import Refused
from tasks.monitor.label import accuracy_of, joined, labelled, read_labels
from tasks.monitor.records import Watched
from tasks.records import ModelVersion
from tests.tasks.conftest import put_in_place

RULES = DriftRules(least_labels=10, newest_labels=100, min_live_accuracy=0.6)


@pytest.fixture
def on(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path / "state"))
    return choose("local")


@pytest.fixture
def watched(model_folder):
    folder = ModelFolder.read(model_folder)
    return Watched("light", "local", ModelVersion("light", 3, folder.digest, folder.path))


@pytest.fixture
def traffic(on, watched, tmp_path):
    """Forty requests of two images each, answered with dark and bright."""
    about = {"name": "light", "version": "3", "digest": watched.version.digest}
    made = Capture(Sampling(tmp_path / "state/endpoints/light/traffic", share=1), about)
    answers = [{"label": word, "probability": 0.9} for word in ("dark", "bright")]
    for number in range(40):
        pixels, rows = np.zeros((2, 2, 2, 1), np.uint8), np.full((2, 2), 0.5, np.float32)
        made.note(f"r{number}", [b"x", b"y"], pixels, rows, answers)
    made.close()


def csv(tmp_path, text: str):
    file = tmp_path / "labels.csv"
    file.write_text(text, encoding="utf-8")
    return file


def rows(count: int, label: str, at: int = 0) -> str:
    return "".join(f"r{number},{at},{label}\n" for number in range(count))


def test_labels_give_the_accuracy_of_the_live_version(on, watched, traffic, tmp_path):
    text = "request_id,at,label\n" + rows(40, "dark") + rows(10, "dark", at=1) + "gone,0,dark\n"

    found = joined(on, watched, csv(tmp_path, text), RULES, print)

    assert (found.rows, found.found) == (51, 50)
    assert (found.accuracy.right, found.accuracy.labels) == (40, 50)
    assert found.accuracy.low < 0.8 < found.accuracy.high


def test_the_same_labels_twice_count_once_and_a_corrected_one_replaces_the_first(
    on, watched, traffic, tmp_path
):
    for text in (rows(20, "dark"), rows(20, "dark"), rows(5, "bright")):
        file = csv(tmp_path, "request_id,at,label\n" + text)
        found = joined(on, watched, file, RULES, print)

    assert (found.accuracy.right, found.accuracy.labels) == (15, 20)


def test_a_parquet_file_without_places_means_the_first_image(on, watched, traffic, tmp_path):
    file = tmp_path / "labels.parquet"
    pd.DataFrame({"request_id": ["r1", "r2"], "label": ["dark", "cat"]}).to_parquet(file)

    found = joined(on, watched, file, RULES, print)

    assert (found.accuracy.right, found.accuracy.labels) == (1, 2)
    assert "2 delayed labels are too few" in str(found.accuracy)


def test_places_that_are_missing_here_and_there_are_the_first_and_other_columns_are_let_be(
    tmp_path,
):
    file = tmp_path / "labels.parquet"
    pd.DataFrame({
        "request_id": ["r1", "r2", "r3"], "label": ["dark", "cat", 7], "at": [None, 2, 0],
        "seen": pd.array([True, None, False], "boolean"),
    }).astype({"label": str}).to_parquet(file)  # fmt: skip

    assert read_labels(file) == {("r1", 0): "dark", ("r2", 2): "cat", ("r3", 0): "7"}

    pd.read_parquet(file).astype({"at": "Int64"}).to_parquet(file)

    assert read_labels(file) == {("r1", 0): "dark", ("r2", 2): "cat", ("r3", 0): "7"}


def test_an_id_that_occurs_twice_in_the_traffic_belongs_to_neither(on, watched, traffic, tmp_path):
    made = Capture(Sampling(tmp_path / "new", share=1), {"digest": "d"})
    image, row = np.zeros((1, 2, 2, 1), np.uint8), np.ones((1, 2), np.float32)
    made.note("r1", [b"x"], image, row, [{"label": "dark", "probability": 0.9}])
    made.close()
    put_in_place(tmp_path / "new", tmp_path / "state/endpoints/light/traffic")

    file = csv(tmp_path, "request_id,label\nr1,dark\nr2,dark\n")
    assert joined(on, watched, file, RULES, print).found == 1


def test_answers_of_other_versions_do_not_count(on, watched, traffic, tmp_path):
    file = csv(tmp_path, "request_id,at,label\n" + rows(20, "dark"))
    joined(on, watched, file, RULES, print)
    other = Watched("light", "local", ModelVersion("light", 4, "x", watched.version.folder))

    found = accuracy_of(labelled(on, "light"), other, RULES)

    assert found.labels == 0
    assert not found.is_low


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,label\na,b\n", "has no column request_id; it has: id, label"),
        ("request_id,label\na,\n", "row 1: request_id and label may not be empty"),
        ("request_id,at,label\na,x,b\n", "row 1: at is 'x'"),
        ("request_id,label\na,b\na,c\n", "row 2: image 0 of request a is 'b' in a row before"),
        ("", "is no table of labels"),
        ('request_id,label\n"a', "is no table of labels"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_its_row(tmp_path, text, said):
    with pytest.raises(Refused, match=said):
        read_labels(csv(tmp_path, text))


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    file = tmp_path / "labels.parquet"
    file.write_bytes(b"nothing")

    with pytest.raises(Refused, match="is no table of labels"):
        read_labels(file)


def test_many_labels_take_little_time(on, watched, traffic, tmp_path):
    text = "request_id,label\n" + "".join(f"id{n},dark\n" for n in range(100_000))
    began = time.monotonic()

    joined(on, watched, csv(tmp_path, text), RULES, print)

    assert time.monotonic() - began < 20
