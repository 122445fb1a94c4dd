"""What every backend promises of its registry."""

from __future__ import annotations

import shutil

import pytest

from model.folder import ModelFolder
from tasks.errors import Refused
from tests.contract.conftest import approved_of, tags_of


@pytest.fixture
def name(around) -> str:
    return around.named("light")


@pytest.fixture
def register(backend, job, name):
    def run(folder, name=name):
        approved = approved_of(job, folder)
        return backend.registry.register(approved, name, tags_of(approved))

    return run


def test_the_same_bytes_keep_their_number(register, model_folder, another_folder):
    first, again = register(model_folder), register(model_folder)
    other = register(another_folder)

    assert (first.number, again.number, other.number) == (1, 1, 2)
    assert (first.is_new, again.is_new) == (True, False)


def test_a_version_keeps_its_files_when_the_run_goes(register, model_folder, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(model_folder, run)
    version = register(run)
    shutil.rmtree(run)

    kept = ModelFolder.read(version.folder)
    kept.verify()

    assert kept.digest == version.digest


def test_crowning_moves_the_champion_and_remembers_the_former(
    backend, register, name, model_folder, another_folder
):
    one, two = register(model_folder), register(another_folder)
    assert backend.registry.champion(name) is None

    backend.registry.crown(one)
    backend.registry.crown(one)
    assert backend.registry.champion(name).number == 1
    assert backend.registry.previous(name) is None

    backend.registry.crown(two)
    backend.registry.crown(two)
    assert backend.registry.champion(name).number == 2
    assert backend.registry.previous(name).number == 1


def test_models_of_other_names_are_other_models(backend, around, register, name, model_folder):
    register(model_folder)
    version = register(model_folder, around.named("lamps"))
    backend.registry.crown(version)

    assert version.number == 1
    assert backend.registry.champion(name) is None


def test_an_unknown_version_is_refused_with_those_there_are(backend, register, name, model_folder):
    register(model_folder)

    with pytest.raises(Refused, match="no version 7; there are: 1"):
        backend.registry.version(name, 7)


def test_tags_tell_where_a_version_comes_from(backend, register, name, model_folder):
    register(model_folder)

    assert backend.registry.version(name, 1).tags["accuracy"] == "1.0"
