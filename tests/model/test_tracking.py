"""What MLflow knows of a training that was killed and goes on: each epoch, once."""

from __future__ import annotations

import pytest

from model.checkpoint import Progress
from model.config import TrainConfig
from model.tracking import ends_with, open_run
from model.train import _teller, train

pytestmark = pytest.mark.long


def test_a_training_that_goes_on_tells_what_was_not_told_and_nothing_twice(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    killed = _teller(open_run(uri, "light", None, {}, tmp_path), None)
    killed(Progress())
    killed(progress(1))  # epochs 2 and 3 were finished, and it died before it could say so

    run = open_run(uri, "light", None, {}, tmp_path)
    again = _teller(run, None)
    again(progress(3))
    again(progress(4))

    from mlflow import MlflowClient

    history = MlflowClient(tracking_uri=uri).get_metric_history(run.id, "val_loss")
    assert [each.step for each in sorted(history, key=lambda each: each.step)] == [1, 2, 3, 4]


def test_a_refused_training_ends_its_run_and_says_why(pictures, tmp_path):
    wild = TrainConfig(epochs=30, batch_size=8, patience=0, learning_rate=10, weight_decay=1)

    assert trained(pictures, tmp_path, wild) == 3

    (run,) = runs(tmp_path)
    assert run.info.status == "FAILED"
    assert run.info.end_time
    assert "training diverged" in run.data.tags["why"]


def test_other_knobs_are_another_run_and_the_one_before_ends(pictures, tmp_path):
    (tmp_path / "out").mkdir()
    open_run(f"sqlite:///{tmp_path}/mlflow.db", "light", None, {}, tmp_path / "out", "of others")

    assert trained(pictures, tmp_path, TrainConfig(epochs=1)) == 0

    found = {run.info.status: run.data.params.get("epochs") for run in runs(tmp_path)}
    assert found == {"KILLED": None, "FINISHED": "1"}


def test_a_failed_training_that_goes_on_runs_again(tmp_path):
    def begin():
        return open_run(f"sqlite:///{tmp_path}/mlflow.db", "light", None, {}, tmp_path)

    with pytest.raises(OSError, match="disk is full"), ends_with(begin()):
        raise OSError("the disk is full")
    (failed,) = runs(tmp_path)
    begin()
    (again,) = runs(tmp_path)

    assert (failed.info.status, failed.data.tags["why"]) == ("FAILED", "the disk is full")
    assert (again.info.status, again.info.run_id) == ("RUNNING", failed.info.run_id)
    assert "why" not in again.data.tags


def test_images_that_were_not_checked_begin_no_run(pictures, tmp_path):
    assert trained(pictures, tmp_path, TrainConfig(epochs=1), dataset_digest="0" * 64) == 3

    assert runs(tmp_path) == []


def test_a_disk_that_cannot_be_written_to_is_a_failure_in_one_line(pictures, tmp_path, capsys):
    (tmp_path / "file").write_text("no folder")

    assert train(data=str(pictures), out=tmp_path / "file" / "out") == 4

    assert capsys.readouterr().err.startswith("failed: [Errno 20] Not a directory")


def trained(pictures, place, config, **checked) -> int:
    uri = f"sqlite:///{place}/mlflow.db"
    out = place / "out"
    return train(data=str(pictures), out=out, config=config, tracking_uri=uri, **checked)


def runs(place):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{place}/mlflow.db")
    return client.search_runs([each.experiment_id for each in client.search_experiments()])


def progress(epochs: int) -> Progress:
    names = ("loss", "accuracy", "val_loss", "val_accuracy", "images_per_s")
    measures = dict.fromkeys(names, 1.0)
    history = [{**measures, "epoch": n, "epochs": 4} for n in range(1, epochs + 1)]
    return Progress(epochs, epochs, history)
