"""A model folder that is copied elsewhere while it grows: whole files, the manifest last."""

from __future__ import annotations

import shutil

import pytest

from model.config import TrainConfig
from model.folder import MANIFEST, ModelFolder
from model.mirror import Mirror
from model.train import train


def test_what_changed_is_copied_and_pulled_by_the_next_one(tmp_path):
    here, there, next_one = (tmp_path / name for name in ("here", "there", "next"))
    (here / "checkpoints").mkdir(parents=True)
    (here / "checkpoints" / "state").write_text("one")
    (here / "scratch").mkdir()
    (here / "scratch" / "pixels").write_text("many")

    Mirror(here, there).push()
    Mirror(next_one, there).pull()

    assert (next_one / "checkpoints" / "state").read_text() == "one"
    assert not (there / "scratch").exists()


def test_the_manifest_comes_last(tmp_path, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    for name in ("labels.json", MANIFEST, "z.png"):
        (here / name).write_text(name)
    copied: list[str] = []
    copyfile = shutil.copyfile
    monkeypatch.setattr(shutil, "copyfile", lambda a, b: copied.append(a.name) or copyfile(a, b))

    Mirror(here, there).push()

    assert copied == ["labels.json", "z.png", MANIFEST]


def test_a_run_that_is_forgotten_is_not_found_on_the_machine_that_made_it(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    (here / "progress.jsonl").write_text("{}")

    Mirror(here, there).pull()

    assert not here.exists()


@pytest.mark.long
def test_a_finished_model_is_copied_although_its_trainer_died_before(
    model_folder, pictures, tmp_path
):
    out, mirror = tmp_path / "out", tmp_path / "mirror"
    shutil.copytree(model_folder, out)
    mirror.mkdir()
    shutil.copy(out / "progress.jsonl", mirror)

    config = TrainConfig(epochs=6, batch_size=8)

    assert train(data=str(pictures), out=out, mirror=mirror, config=config) == 0

    assert ModelFolder.read(mirror).digest == ModelFolder.read(model_folder).digest
    ModelFolder.read(mirror).verify()
