"""What every backend promises of its batch scorer: one row an image, nothing left running."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from model.batch_score.options import Scoring
from model.folder import ModelFolder
from tasks.errors import Refused, Transient
from tasks.records import ModelVersion
from tasks.scorings import ScoringJob
from tests.conftest import encoded, picture
from tests.contract.conftest import only_here
from tests.contract.surroundings import processes_of
from tests.contract.test_trainer import quiet
from tests.model.batch_score.conftest import paths_of

pytestmark = [pytest.mark.long, only_here]

COUNT = 60_000


@pytest.fixture(autouse=True)
def nothing_left(backend):
    yield
    backend.scorer.sweep(lambda _: False)


@pytest.fixture(scope="module")
def plenty(tmp_path_factory) -> Path:
    to = tmp_path_factory.mktemp("plenty") / "plenty.parquet"
    images = [encoded(picture(number)) for number in range(100)]
    rows = {"image": [images[at % 100] for at in range(COUNT)], "label": ["dark"] * COUNT}
    parquet.write_table(arrow.table(rows), to, row_group_size=2000)
    return to


def scoring_of(model_folder, data, out, *, is_captured=False, **scoring) -> ScoringJob:
    version = ModelVersion("light", 3, ModelFolder.read(model_folder).digest, model_folder)
    return ScoringJob(str(data), str(out), version, Scoring(**scoring), is_captured)


def test_the_same_scoring_is_the_same_run(backend, model_folder, plenty, tmp_path):
    job = scoring_of(model_folder, plenty, tmp_path / "out")
    first, again = backend.scorer.submit(job), backend.scorer.submit(job)
    assert first == again
    assert len(processes_of(first)) == 1
    said: list[str] = []

    scores = backend.scorer.wait(first, said.append)
    later = backend.scorer.wait(backend.scorer.submit(job), quiet)

    assert scores == later
    assert scores.rows == COUNT == len(paths_of(tmp_path / "out"))
    assert scores.model["version"] == "3"
    assert said[-1].startswith("60,000 of 60,000 images")


def test_a_killed_scoring_is_transient_and_goes_on_where_it_was(
    backend, model_folder, plenty, tmp_path
):
    job = scoring_of(model_folder, plenty, tmp_path / "out")
    run = backend.scorer.submit(job)
    lines: list[str] = []
    waiting = threading.Thread(target=wait_for, args=(backend, run, lines))
    waiting.start()
    while not list((tmp_path / "out").glob("scores/*.parquet")):
        assert waiting.is_alive(), lines
        time.sleep(0.05)
    for process in processes_of(run):
        process.kill()
    waiting.join(30)
    assert lines[-1].startswith("transient: the scorer was killed")
    told: list[str] = []

    backend.scorer.wait(backend.scorer.submit(job), told.append)

    assert any("parts were there, whole" in line for line in told)
    assert len(paths_of(tmp_path / "out")) == COUNT


def wait_for(backend, run, lines) -> None:
    try:
        backend.scorer.wait(run, lines.append)
    except Transient as error:
        lines.append(f"transient: {error}")


def test_another_scoring_into_the_same_place_ends_the_one_before(
    backend, model_folder, plenty, tmp_path
):
    run = backend.scorer.submit(scoring_of(model_folder, plenty, tmp_path / "out"))
    (before,) = processes_of(run)

    other = scoring_of(model_folder, plenty, tmp_path / "out", split="train", replace=True)
    assert backend.scorer.submit(other).token == run.token

    (now,) = processes_of(run)
    assert now.pid != before.pid
    assert not before.is_running() or before.status() == "zombie"


def test_a_cancelled_scoring_leaves_no_process(backend, model_folder, plenty, tmp_path):
    run = backend.scorer.submit(scoring_of(model_folder, plenty, tmp_path / "out"))

    backend.scorer.cancel(run.job)
    backend.scorer.cancel(run.job)

    assert processes_of(run) == []


def test_sweep_ends_what_no_command_waits_for(backend, model_folder, plenty, tmp_path):
    kept = backend.scorer.submit(scoring_of(model_folder, plenty, tmp_path / "kept"))
    lost = backend.scorer.submit(scoring_of(model_folder, plenty, tmp_path / "lost"))

    assert backend.scorer.sweep(lambda token: token == kept.token) == 1

    assert processes_of(lost) == []
    assert len(processes_of(kept)) == 1


def test_what_cannot_be_used_is_refused_in_the_programs_words(
    backend, model_folder, folder_of, tmp_path
):
    (tmp_path / "out").write_text("in the way")
    job = scoring_of(model_folder, folder_of(cat=4, dog=4), tmp_path / "out")

    with pytest.raises(Refused, match=r"^.*/out/scores cannot be written .*; give another --out$"):
        backend.scorer.wait(backend.scorer.submit(job), quiet)


@pytest.mark.spark
def test_spark_of_this_machine_leaves_the_same_rows(backend, model_folder, pictures, tmp_path):
    for engine in ("pool", "spark"):
        job = scoring_of(model_folder, pictures, tmp_path / engine, engine=engine, workers=2)
        scores = backend.scorer.wait(backend.scorer.submit(job), quiet)
        assert scores.rows == 48

    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / engine).rglob("*.parquet")}
        for engine in ("pool", "spark")
    )
    assert one == two
