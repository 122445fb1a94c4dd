"""A whole search: trials are trained, pruned, resumed and told; the test images play no part."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from model.checkpoint import Checkpoint
from model.config import TrainConfig
from model.fit import fit
from model.images import BadDataset
from model.network import NETWORKS
from model.pixels import BadImage
from model.tune.result import Result, ranked
from model.tune.space import Between, OneOf, Search, chosen
from model.tune.telling import Tracking
from model.tune.training_split import load_training_arrays, open_training_split
from model.tune.work import work
from tests.conftest import ROOT

pytestmark = pytest.mark.long

GOOD, BAD = 1e-2, 1e-9
RATES = {"learning_rate": OneOf((GOOD, BAD))}
BASE = TrainConfig(epochs=3, batch_size=8)


@pytest.fixture(scope="module")
def blind(pictures, tmp_path_factory) -> str:
    """The dark and bright pictures, with test images that nobody can read."""
    root = tmp_path_factory.mktemp("blind") / "light"
    shutil.copytree(pictures, root)
    for path in root.glob("test/*/*.png"):
        path.write_bytes(b"whoever decodes this fails")
    return str(root)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("tune")


@pytest.fixture(scope="module")
def database(place) -> str:
    return f"sqlite:///{place / 'mlflow.db'}"


@pytest.fixture(scope="module")
def found(blind, place, database) -> Result:
    """A search over a rate that learns and one that does not, told to MLflow."""
    tracking = Tracking(database, "light", "tune light", {"token": "t"})
    return work(blind, place / "out", Search(trials=9), RATES, BASE, tracking)


def test_the_best_trial_is_one_that_learns_although_no_test_image_can_be_read(found):
    assert len(found.trials) == 9
    assert found.best.config == BASE.model_copy(update={"learning_rate": GOOD})
    assert found.best.val_accuracy == 1.0


def test_a_trial_that_does_badly_is_pruned_before_its_last_epoch(found):
    pruned = [trial for trial in found.trials if trial.state == "pruned"]

    assert pruned
    assert {trial.config.learning_rate for trial in pruned} == {BAD}
    assert {trial.epochs for trial in pruned} == {2}
    assert all("worse than the median" in trial.why for trial in pruned)
    assert {t.epochs for t in found.trials if t.state == "complete"} == {3}


def test_the_release_trains_what_the_trial_measured(found, blind, place):
    arrays = load_training_arrays(open_training_split(blind), BASE, place)
    heard: list[float] = []

    fit(arrays, 2, found.best.config, Checkpoint(place / "again", ""),
        lambda progress: heard.extend(e["val_loss"] for e in progress.history[-1:]))  # fmt: skip

    assert min(heard) == found.best.val_loss


def test_the_files_are_the_result_its_pictures_and_the_best_configuration(found, place):
    out = place / "out"

    assert Result.read(out) == found
    assert TrainConfig(**json.loads((out / "best.json").read_text())) == found.best.config
    assert set(found.pictures) == {"history.png", "curves.png", "slices.png"}
    for name in found.pictures:
        assert (out / name).read_bytes()[:4] == b"\x89PNG"
    assert not (out / "trials").exists()


def test_each_trial_is_a_run_below_that_of_the_search(found, database):
    from mlflow import MlflowClient

    client = MlflowClient(database)
    parent = client.get_run(found.tracking_run)
    number = parent.info.experiment_id
    below = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    runs = sorted(client.search_runs([number], below), key=lambda run: run.info.start_time)

    assert (parent.info.status, parent.data.tags["token"]) == ("FINISHED", "t")
    assert parent.data.metrics["best_val_loss"] == pytest.approx(found.best.val_loss)
    kept = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert kept == {"best.json", *found.pictures}
    assert len(runs) == len(found.trials)
    for run, trial in zip(runs, found.trials, strict=True):
        assert run.data.tags["outcome"] == trial.state
        assert float(run.data.params["learning_rate"]) == trial.config.learning_rate
        curve = client.get_metric_history(run.info.run_id, "val_loss")
        assert [each.step for each in curve] == list(range(1, trial.epochs + 1))


def test_more_trials_go_on_from_those_there_are(found, blind, place, database):
    out = place / "more"
    shutil.copytree(place / "out", out)

    more = work(blind, out, Search(trials=10), RATES, BASE, Tracking(database, "light"))

    assert more.trials[:9] == found.trials
    assert len(more.trials) == 10
    assert more.tracking_run == found.tracking_run


def test_a_search_that_mlflow_forgot_goes_on_in_a_new_run(found, blind, place, tmp_path):
    shutil.copytree(place / "out", tmp_path / "out")
    fresh = Tracking(f"sqlite:///{tmp_path / 'new.db'}", "light")

    more = work(blind, tmp_path / "out", Search(trials=10), RATES, BASE, fresh)

    assert more.trials[:9] == found.trials
    assert more.tracking_run != found.tracking_run


@pytest.mark.slow
def test_a_network_that_diverges_is_pruned_and_the_search_goes_on(blind, tmp_path, monkeypatch):
    def diverging(shape, classes):
        from keras import Input, Sequential, layers

        huge = layers.Rescaling(float("inf"))
        flat = [layers.Flatten(), huge, layers.Dense(classes, activation="softmax")]
        return Sequential([Input(shape, dtype="uint8"), *flat])

    monkeypatch.setitem(NETWORKS, "diverging", diverging)
    space = {"network": OneOf(("baseline", "diverging"))}
    base = BASE.model_copy(update={"epochs": 1, "network": "diverging"})

    result = work(blind, tmp_path / "out", Search(trials=4), space, base, Tracking())

    first = result.trials[0]
    assert (first.state, first.epochs, first.val_loss) == ("pruned", 0, None)
    assert "training diverged" in first.why
    assert [trial.config.network for trial in ranked(result.trials)].count("diverging") == 0


@pytest.mark.slow
def test_a_search_whose_time_is_over_goes_on_within_its_trial(blind, tmp_path):
    out, space = tmp_path / "out", {"learning_rate": Between(1e-3, 1e-2)}
    base = BASE.model_copy(update={"epochs": 200, "patience": 0})
    late = Search(trials=1, timeout_minutes=0.05)

    begun = work(blind, out, late, space, base, Tracking())
    again = work(blind, out, late, space, base, Tracking())

    assert begun.trials == again.trials == ()
    told = (out / "progress.txt").read_text()
    epochs = [int(number) for number in re.findall(r"epoch (\d+)/", told)]
    assert told.count("the time is over") == 2
    assert told.count("goes on after epoch") == 1
    assert len(epochs) > 1
    assert epochs == list(range(1, len(epochs) + 1))


@pytest.mark.slow
def test_a_search_killed_within_a_trial_ends_with_the_result_of_one_that_was_not(blind, tmp_path):
    words = [*COMMAND, "--data", blind, "--epochs", "8", "--patience", "0", "--trials", "2"]
    out, other = tmp_path / "killed", tmp_path / "whole"
    begun = subprocess.Popen([*words, "--out", str(out)], cwd=ROOT, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # fmt: skip
    for line in begun.stdout:
        if line.startswith("trial 2/2  epoch 2/"):
            break
    begun.kill()
    begun.wait()

    done = subprocess.run([*words, "--out", str(out)], cwd=ROOT, check=False,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    config = TrainConfig(epochs=8, patience=0)
    search = Search(trials=2).over(config)
    whole = work(blind, other, search, chosen(search.knobs), config, Tracking())

    killed = Result.read(out)
    assert [timeless(trial) for trial in killed.trials] == [timeless(t) for t in whole.trials]
    told = (out / "progress.txt").read_text()
    for number, most in ((1, 8), (2, 9)):  # one may be told twice: when the kill came
        epochs = [int(each) for each in re.findall(rf"trial {number}/2  epoch (\d+)/", told)]
        assert sorted(set(epochs)) == list(range(1, 9))
        assert len(epochs) <= most


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--trials", "0"], "--trials 0"),
        (["--learning-rate", "11"], "--learning-rate 11"),
        (["--knobs", "seed"], "'seed' is not in the space"),
        (
            [
                "--learning-rate",
                ".1",
                "--batch-size",
                "3",
                "--augment",
                "none",
                "--network",
                "baseline",
            ],
            "nothing is left",
        ),
        (["--timeout-minutes", "-1"], "--timeout-minutes"),
    ],
)
def test_a_wrong_word_is_named(tmp_path, words, says):
    done = subprocess.run([*COMMAND, "--data", "x", "--out", str(tmp_path / "out"), *words],
                          cwd=ROOT, check=False, capture_output=True, text=True)  # fmt: skip

    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_training_image_that_cannot_be_read_is_named(folder_of, tmp_path):
    root = folder_of(cat=8, dog=8)
    (root / "train" / "cat" / "0000.png").write_bytes(b"no image")

    with pytest.raises(BadImage, match=r"train/cat/0000\.png"):
        work(str(root), tmp_path / "out", Search(trials=1), RATES, BASE, Tracking())


def test_no_data_is_named(tmp_path):
    with pytest.raises(BadDataset, match="does not exist"):
        work("nowhere", tmp_path / "out", Search(trials=1), RATES, BASE, Tracking())


COMMAND = [sys.executable, "-m", "model.tune"]


def timeless(trial) -> tuple:
    return trial.config, trial.state, trial.val_loss, trial.epochs, trial.best_epoch
