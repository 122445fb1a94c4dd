"""The same command on a folder that an earlier one left: its own, or that of other options."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from model.config import TrainConfig
from model.train import train

pytestmark = pytest.mark.long
ITS_OWN = TrainConfig(epochs=6, batch_size=8)  # of the model folder


@pytest.fixture
def data(pictures) -> str:
    return str(pictures)


def test_a_finished_model_is_left_as_it_is(model_folder, data, capsys):
    before = (model_folder / "manifest.json").read_bytes()

    assert train(data=data, out=model_folder, config=ITS_OWN) == 0

    assert "holds a finished model of /" in capsys.readouterr().out
    assert (model_folder / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"config": TrainConfig(epochs=9, batch_size=8)}, "trained with --epochs 6, not 9; give"),
        ({"config": ITS_OWN, "dataset_digest": "f" * 64}, "images of digest "),
    ],
)
def test_one_of_other_options_or_images_is_refused(model_folder, data, capsys, asked, said):
    before = (model_folder / "manifest.json").read_bytes()

    assert train(data=data, out=model_folder, **asked) == 3

    assert said in capsys.readouterr().err
    assert (model_folder / "manifest.json").read_bytes() == before


def test_other_images_are_refused_and_the_same_elsewhere_are_not(
    model_folder, data, folder_of, tmp_path, capsys
):
    same = tmp_path / "moved" / Path(data).name
    shutil.copytree(data, same)

    assert train(data=str(same), out=model_folder, config=ITS_OWN) == 0
    assert train(data=str(folder_of(cat=8, dog=8)), out=model_folder, config=ITS_OWN) == 3

    assert "images of digest " in capsys.readouterr().err


def test_what_comes_from_a_mirror_is_refused_by_its_name(model_folder, data, tmp_path, capsys):
    out, mirror = tmp_path / "out", tmp_path / "mirror"
    shutil.copytree(model_folder, mirror)

    assert train(data=data, out=out, mirror=mirror, config=TrainConfig(epochs=9)) == 3

    said = capsys.readouterr().err
    assert str(mirror) in said
    assert "give another --mirror" in said


def test_one_of_an_edited_network_is_refused(model_folder, data, capsys, monkeypatch):
    monkeypatch.setattr("model.checkpoint.network_digest", lambda: "edited")

    assert train(data=data, out=model_folder, config=ITS_OWN) == 3

    assert "model/network.py as it was" in capsys.readouterr().err


def test_epochs_of_other_options_are_not_continued_and_that_is_said(pictures, tmp_path, capsys):
    (tmp_path / "checkpoints").mkdir()
    others = np.array(json.dumps({"key": "of others", "epoch": 3}))
    np.savez(tmp_path / "checkpoints" / "last.npz", progress=others)

    assert train(data=str(pictures), out=tmp_path, config=TrainConfig(epochs=1)) == 0

    assert "are of other options, images or code: it begins anew" in capsys.readouterr().out
