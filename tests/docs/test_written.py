"""What is written from the code is as the code says now."""

from __future__ import annotations

import re
import subprocess

import pytest

from infra.documents.events import MEANINGS, triggers
from infra.documents.places import ROOT
from infra.documents.settings import groups
from infra.documents.written import WRITTEN
from model.config import TrainConfig

INSIDE = {  # nobody sets them
    "MLOPS_INSIDE_GATE",  # from a release to its own tests
    "MLOPS_COMMIT", "MLOPS_COMMIT_TIME",  # in the worker's image, which has no repository
}  # fmt: skip


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: file.name)
def test_it_is_as_the_code_says(file):
    assert WRITTEN[file]() == file.read_text(encoding="utf-8"), "run `make docs`"


def test_every_setting_that_the_code_reads_is_listed():
    listed = {setting.name for group in groups() for setting in group.settings}
    source = subprocess.run(
        ["git", "-C", str(ROOT), "grep", "-hoE", r"\bMLOPS_[A-Z_]+\b", "--",
         "flows", "tasks", "model", "data_checks", "infra", "Makefile", "prefect.yaml"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip

    assert set(source) - INSIDE <= listed


def test_every_setting_says_what_it_is_and_a_needed_one_where_to_find_it():
    for group in groups():
        for setting in group.settings:
            assert re.fullmatch(r"[A-Z][A-Z0-9_]+", setting.name)
            assert setting.meaning
            assert setting.found_by or setting.otherwise != "needed"


def test_every_event_that_starts_something_is_explained():
    assert {event for event, _, _ in triggers()} <= set(MEANINGS)


def test_every_knob_has_a_description():
    assert all(field.description for field in TrainConfig.model_fields.values())
