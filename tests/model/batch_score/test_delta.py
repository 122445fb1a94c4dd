"""``--format delta``: the same files, listed in the log of a Delta table."""

from __future__ import annotations

import json
import sys

import pytest

from model.batch_score.lacking import NotInstalled
from model.batch_score.options import Scoring
from model.batch_score.place import BadPlace, StorageFailed
from model.batch_score.work import Asked, work
from tests.model.batch_score.conftest import rows_of

with_deltalake = pytest.mark.spark  # installed with Spark, as what scales out is


def score(model, data, out, format="delta", say=lambda _: None, **more):
    scoring = Scoring(workers=1, format=format, **more)
    return work(Asked(model, str(data), str(out), scoring, "3"), say)


def table_of(out, folder="scores"):
    from deltalake import DeltaTable

    return DeltaTable(out / folder)


@with_deltalake
def test_a_reader_of_delta_finds_every_row(model_folder, many, tmp_path):
    score(model_folder, many, tmp_path)

    for folder in ("scores", "bad"):
        found = table_of(tmp_path, folder)
        rows = rows_of(tmp_path, folder).sort_by("path")
        assert found.version() == 0
        assert found.to_pyarrow_table().sort_by("path").to_pylist() == rows.to_pylist()
        assert found.count() == rows.num_rows


@with_deltalake
def test_the_same_again_is_no_new_version(model_folder, pictures, tmp_path):
    score(model_folder, pictures, tmp_path)
    score(model_folder, pictures, tmp_path)
    (tmp_path / "scores.json").unlink()
    score(model_folder, pictures, tmp_path)

    assert table_of(tmp_path).version() == 0
    assert json.loads((tmp_path / "scores.json").read_text())["format"] == "delta"


@with_deltalake
def test_parquet_becomes_delta_and_other_scores_a_version_of_it(model_folder, pictures, tmp_path):
    said: list[str] = []
    score(model_folder, pictures, tmp_path, format="parquet")
    score(model_folder, pictures, tmp_path, say=said.append)
    assert table_of(tmp_path).count() == 48
    assert said[-1] == "they are a Delta table now"

    score(model_folder, pictures, tmp_path, split="test", replace=True)

    assert table_of(tmp_path).version() == 1
    assert table_of(tmp_path).count() == 12
    assert len(list((tmp_path / "scores").glob("*.parquet"))) == 1


@with_deltalake
@pytest.mark.parametrize("share", [0, 0.5])
def test_an_entry_of_the_log_that_was_cut_is_written_again(model_folder, pictures, tmp_path, share):
    score(model_folder, pictures, tmp_path)
    for split in ("train", "test"):
        score(model_folder, pictures, tmp_path, split=split, replace=True)
        last = max((tmp_path / "scores" / "_delta_log").glob("*.json"))
        last.write_bytes(last.read_bytes()[: int(last.stat().st_size * share)])

        scores = score(model_folder, pictures, tmp_path, split=split, replace=True)

        assert table_of(tmp_path).count() == scores.rows == {"train": 36, "test": 12}[split]


@with_deltalake
def test_a_log_that_nobody_can_read_is_named(model_folder, pictures, tmp_path):
    score(model_folder, pictures, tmp_path)
    first = tmp_path / "scores" / "_delta_log" / "00000000000000000000.json"
    first.write_text("".join(line for line in first.open() if "metaData" not in line))

    with pytest.raises(StorageFailed, match="scores/_delta_log is damaged"):
        score(model_folder, pictures, tmp_path)


@with_deltalake
def test_scores_without_a_log_do_not_take_the_place_of_a_table(model_folder, pictures, tmp_path):
    score(model_folder, pictures, tmp_path)

    with pytest.raises(BadPlace, match="is a Delta table: score into it with --format delta"):
        score(model_folder, pictures, tmp_path, format="parquet", split="test", replace=True)


@pytest.mark.long
def test_without_the_library_it_is_said_before_a_thing_is_scored(
    model_folder, pictures, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "deltalake", None)

    with pytest.raises(NotInstalled, match="deltalake is not installed: make"):
        score(model_folder, pictures, tmp_path / "out")

    assert not (tmp_path / "out").exists()
