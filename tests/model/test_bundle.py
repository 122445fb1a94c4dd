"""What only answers takes few files of a model, and few modules of this code."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from model.bundle import write_code, write_served
from model.folder import BadModelFolder, ModelFolder, write_json, write_manifest


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "whole"
    place.mkdir()
    for name in ("model.tflite", "model.keras", "predictions.parquet", "examples.json"):
        (place / name).write_bytes(b"{}")
    shape = {"height": 2, "width": 3, "channels": 1}
    write_json(place / "labels.json", {"labels": ["a", "b"], **shape})
    dataset = {"name": "pets", "digest": "12ab", "uri": "/home/ann/pets"}
    return write_manifest(place, dataset=dataset, config={"epochs": 1}, tags={"host": "ann-pc"})


def test_a_served_folder_is_whole_small_and_the_same_model(folder, tmp_path):
    served = write_served(folder, tmp_path / "out" / "served")

    ModelFolder.read(served.path).verify()
    assert served.digest == folder.digest
    names = {"labels.json", "model.tflite", "examples.json"}
    assert {file.name for file in served.path.iterdir()} == {*names, "manifest.json"}
    assert served.manifest["files"].keys() == names
    assert served.manifest["config"] == {"epochs": 1}


def test_a_served_folder_tells_nothing_of_the_machine_that_trained(folder, tmp_path):
    served = write_served(folder, tmp_path / "served")

    assert served.manifest["dataset"] == {"name": "pets", "digest": "12ab"}
    assert "ann" not in (served.path / "manifest.json").read_text()


def test_a_model_without_examples_is_served_too(folder, tmp_path):
    (folder.path / "examples.json").unlink()
    plain = write_manifest(folder.path, dataset=folder.manifest["dataset"])

    served = write_served(plain, tmp_path / "served")

    served.verify()
    assert not (served.path / "examples.json").exists()


def test_a_changed_folder_is_refused(folder, tmp_path):
    (folder.path / "model.keras").write_bytes(b"other")

    with pytest.raises(BadModelFolder, match=r"model\.keras was changed"):
        write_served(folder, tmp_path / "served")
    assert not (tmp_path / "served").exists()


def test_the_code_that_is_written_is_all_that_the_service_imports(tmp_path):
    write_code(tmp_path)
    code = (
        "import sys, json, model.serve.__main__, model.serve.server, model.serve.capture; "
        "print(json.dumps([m.__file__ for n, m in sys.modules.items() if n.startswith('model')]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    loaded = json.loads(done.stdout)
    assert len(loaded) > 10
    assert all(file.startswith(str(tmp_path)) for file in loaded)


def test_the_code_that_is_written_cannot_train(tmp_path):
    write_code(tmp_path)

    modules = {file.name for file in (tmp_path / "model").glob("*.py")}
    assert {"__init__.py", "folder.py", "scorer.py"} <= modules
    assert not modules & {"train.py", "fit.py", "network.py", "images.py", "bundle.py"}
    assert {"page.html", "docs.html", "openapi.json"} <= {
        file.name for file in (tmp_path / "model" / "serve").iterdir()
    }
