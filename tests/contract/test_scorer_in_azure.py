"""What the batch scorer of Databricks promises; of this machine's: ``test_scorer.py``."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tasks.backends import choose
from tasks.errors import Refused
from tests.cloud.databricks.workspace import VOLUME
from tests.contract.conftest import only_in_azure
from tests.contract.test_scorer import scoring_of, wait_for
from tests.contract.test_trainer import quiet
from tests.model.batch_score.conftest import paths_of

pytestmark = only_in_azure
OUT = f"{VOLUME}/scores"


def test_images_in_blobs_become_rows_in_a_volume(backend, around, model_folder, pictures):
    job = scoring_of(model_folder, around.put(pictures), OUT)
    said: list[str] = []

    scores = backend.scorer.wait(backend.scorer.submit(job), said.append)
    later = backend.scorer.wait(backend.scorer.submit(job), said.append)

    assert scores == later
    assert scores.rows == 48 == len(paths_of(around.cloud.runs.path(OUT)))
    assert "holds these scores already" in said[-1]
    assert len(around.cloud.runs.all()) == 2


def test_other_images_are_not_taken_for_the_same(
    backend, around, model_folder, pictures, folder_of
):
    job = scoring_of(model_folder, around.put(pictures), OUT)
    for _ in range(2):
        backend.scorer.wait(backend.scorer.submit(job), quiet)
    said: list[str] = []

    others = around.put(folder_of("others", dark=3, light=4))
    other = scoring_of(model_folder, others, OUT, replace=True)
    scores = backend.scorer.wait(backend.scorer.submit(other), said.append)

    assert scores.images == 7
    assert not any("holds these scores already" in line for line in said)


def test_a_run_that_is_being_cancelled_is_not_found_again(backend, around, model_folder, pictures):
    around.cloud.runs.is_stuck, around.cloud.runs.ending_s = True, 2
    job = scoring_of(model_folder, around.put(pictures), OUT)
    first = backend.scorer.submit(job)
    backend.scorer.cancel(job)
    around.cloud.runs.is_stuck = False

    again = backend.scorer.submit(job)

    assert again.number != first.number
    assert backend.scorer.wait(again, quiet).rows == 48


def test_scores_in_blobs_are_a_delta_table_and_a_sample_for_the_monitor(
    backend, around, model_folder, pictures
):
    uri = f"abfss://images@{around.cloud.storage.account}.dfs.core.windows.net/scores"
    job = scoring_of(model_folder, around.put(pictures), uri, format="delta", is_captured=True)

    assert backend.scorer.wait(backend.scorer.submit(job), quiet).rows == 48

    blobs = set(around.cloud.blobs("images"))
    assert "scores/scores.json" in blobs
    assert any(name.startswith("scores/scores/_delta_log/") for name in blobs)
    assert any("captured/light/" in name for name in around.cloud.blobs())


@pytest.mark.spark
@pytest.mark.timeout(600)
def test_two_machines_leave_the_rows_of_one(backend, around, model_folder, pictures):
    data = around.put(pictures)
    for workers in (1, 2):
        job = scoring_of(model_folder, data, f"{OUT}{workers}", workers=workers)
        assert backend.scorer.wait(backend.scorer.submit(job), quiet).rows == 48

    one, two = (
        {path.name: path.read_bytes() for path in files_of(around, f"{OUT}{workers}")}
        for workers in (1, 2)
    )
    assert one == two


def test_a_lost_run_is_transient_and_another_place_is_another_run(
    backend, around, model_folder, pictures
):
    around.cloud.runs.is_stuck = True
    job = scoring_of(model_folder, around.put(pictures), OUT)
    run, lines = backend.scorer.submit(job), []
    waiting = threading.Thread(target=wait_for, args=(backend, run, lines))
    waiting.start()
    assert backend.scorer.submit(job).number == run.number
    around.cloud.runs.is_stuck = False
    other = backend.scorer.submit(scoring_of(model_folder, job.data, f"{OUT}2"))

    around.lose(run)
    waiting.join(30)

    assert "transient: " in lines[-1]
    assert "ended as CLOUD_FAILURE" in lines[-1]
    assert other.number != run.number
    assert backend.scorer.wait(other, quiet).rows == 48
    assert backend.scorer.wait(backend.scorer.submit(job), quiet).rows == 48


def test_what_nobody_waits_for_is_ended(backend, around, model_folder, pictures):
    around.cloud.runs.is_stuck = True
    data = around.put(pictures)
    kept, lost, cancelled = (
        backend.scorer.submit(scoring_of(model_folder, data, f"{OUT}{which}")) for which in "abc"
    )
    backend.scorer.cancel(cancelled.job)

    assert backend.scorer.sweep(lambda token: token == kept.token) == 1

    assert [run["run_id"] for run in around.cloud.runs.active()] == [int(kept.number)]
    assert lost.token != kept.token
    backend.scorer.sweep(lambda _: False)


def test_what_cannot_be_used_is_refused(backend, around, model_folder, pictures):
    with pytest.raises(Refused, match="is on this machine, which Databricks does not see"):
        backend.scorer.submit(scoring_of(model_folder, pictures, OUT))
    job = scoring_of(model_folder, "az://images/none", OUT)
    with pytest.raises(Refused, match="does not exist"):
        backend.scorer.wait(backend.scorer.submit(job), quiet)


def test_serverless_compute_is_refused_what_it_does_not_reach(
    around, model_folder, pictures, monkeypatch
):
    monkeypatch.setenv("DATABRICKS_SERVERLESS_COMPUTE_ID", "auto")
    scorer, data = choose("azure").scorer, around.put_in_volume(pictures)

    with pytest.raises(Refused, match="--out az://images/out is not seen by serverless compute"):
        scorer.submit(scoring_of(model_folder, data, "az://images/out"))
    with pytest.raises(Refused, match="--capture: serverless compute does not reach"):
        scorer.submit(scoring_of(model_folder, data, OUT, is_captured=True))
    assert not around.cloud.runs.all()


def files_of(around, uri: str) -> list[Path]:
    return sorted(around.cloud.runs.path(uri).rglob("*.parquet"))
