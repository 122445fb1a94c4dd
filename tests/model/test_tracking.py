"""What MLflow knows of a training that was killed and goes on: each epoch, once."""

from __future__ import annotations

import pytest

from model.checkpoint import Progress
from model.tracking import open_run
from model.train import _teller

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


def progress(epochs: int) -> Progress:
    names = ("loss", "accuracy", "val_loss", "val_accuracy", "images_per_s")
    measures = dict.fromkeys(names, 1.0)
    history = [{**measures, "epoch": n, "epochs": 4} for n in range(1, epochs + 1)]
    return Progress(epochs, epochs, history)
