"""A sample of the scores as the drift monitor reads what a service captured."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import numpy as np
import pyarrow.parquet as parquet
import pytest

from model.batch_score import traffic
from model.batch_score.options import Scoring
from model.batch_score.place import Place, StorageFailed
from model.batch_score.work import Asked, work
from model.folder import ModelFolder
from tasks.backends.local.traffic import FolderTraffic
from tasks.monitor.captured import COLUMNS, collect
from tasks.monitor.records import Cursor
from tests.model.batch_score.conftest import rows_of

pytestmark = pytest.mark.long


@pytest.fixture
def captured(model_folder, many, tmp_path):
    """Scores of many images, and the folder of an endpoint's traffic with a sample of them."""
    to = tmp_path / "endpoints" / "light" / "traffic"
    asked = Asked(model_folder, str(many), str(tmp_path / "out"), Scoring(workers=1), "3", str(to))
    scores = work(asked, lambda _: None)
    work(asked, lambda _: None)  # the same ones count once
    return scores, to


def test_the_monitor_reads_it_as_captured_traffic(captured, model_folder, tmp_path):
    scores, to = captured
    (file,) = to.iterdir()

    assert set(COLUMNS) <= set(parquet.read_schema(file).names)
    digest = ModelFolder.read(model_folder).digest
    found = collect(FolderTraffic(tmp_path), "light", digest, 2, Cursor(), lambda _: None)
    assert len(found.times) == traffic.MOST_ROWS
    assert found.others == 0
    assert all(one < two for one, two in pairwise(found.times))
    assert found.times[-1] == datetime.fromisoformat(scores.ended).timestamp()
    rows = {row["path"]: row for row in rows_of(tmp_path / "out").to_pylist()}
    for name, shares, mean in zip(
        found.names, found.answers.probabilities, found.answers.mean, strict=True
    ):
        row = rows.pop(name.removesuffix("/0"))  # each once
        assert shares.tolist() == row["probabilities"]
        assert mean == row["mean"]


def test_neighbours_in_the_data_are_none_in_the_sample(captured):
    """Or a window would be of one class, and look like drift."""
    _, to = captured
    numbers = [int(path.partition("/")[2])
               for path in parquet.read_table(to)["request_id"].to_pylist()]  # fmt: skip

    windows = np.array(numbers).reshape(-1, 250)
    assert (np.abs(windows.mean(axis=1) - 4500) < 900).all()


def test_a_part_that_is_not_what_was_written_is_no_sample(captured, tmp_path):
    scores, _ = captured
    part = tmp_path / "out" / scores.parts[0].scores.name
    part.write_bytes(part.read_bytes()[::-1])

    with pytest.raises(StorageFailed, match="is not what was written"):
        traffic.capture(scores, Place(str(tmp_path / "out")), Place(str(tmp_path / "other")))
