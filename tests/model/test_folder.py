"""A model folder is whole, or it is none."""

from __future__ import annotations

import pytest

from model.folder import BadModelFolder, ModelFolder, read_labels, write_json, write_manifest


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"graph")
    shape = {"height": 2, "width": 3, "channels": 1}
    write_json(tmp_path / "labels.json", {"labels": ["a", "b"], **shape})
    return write_manifest(tmp_path, config={"epochs": 1})


def test_a_whole_folder_verifies(folder):
    folder.verify()

    assert (folder.labels, folder.shape) == (("a", "b"), (2, 3, 1))
    assert folder.manifest["config"] == {"epochs": 1}


def test_the_digest_is_of_what_decides_the_answers(folder):
    before = folder.digest
    (folder.path / "model_card.md").write_text("another card")
    assert write_manifest(folder.path).digest == before

    (folder.path / "model.tflite").write_bytes(b"another graph")

    assert write_manifest(folder.path).digest != before


def test_a_changed_file_is_named(folder):
    (folder.path / "model.tflite").write_bytes(b"other")

    with pytest.raises(BadModelFolder, match=r"model\.tflite was changed"):
        ModelFolder.read(folder.path).verify()


def test_a_missing_file_is_named(folder):
    (folder.path / "labels.json").unlink()

    with pytest.raises(BadModelFolder, match=r"labels\.json is missing"):
        folder.verify()


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}"])
def test_half_a_manifest_is_none(tmp_path, content):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)

    with pytest.raises(BadModelFolder, match=r"manifest"):
        ModelFolder.read(tmp_path)


def test_labels_without_a_shape_are_refused(tmp_path):
    write_json(tmp_path / "labels.json", {"labels": ["a"]})

    with pytest.raises(BadModelFolder, match="height"):
        read_labels(tmp_path)
