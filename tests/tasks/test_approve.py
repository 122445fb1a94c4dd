"""Who may approve what, as far as it is known who began it."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from prefect.client.schemas.objects import CreatedBy, FlowRun

from tasks.approve import require_another, starters
from tasks.errors import Refused
from tasks.records import Approved, Decision, ModelVersion, Promotion, Verdict

ANN = CreatedBy(id=uuid.uuid4(), type="USER", display_value="ann.lee")
DRIFT = CreatedBy(id=uuid.uuid4(), type="AUTOMATION", display_value="release/prod: drift")


def promotion(by: str) -> Approved:
    version = ModelVersion("shoes", 3, "d" * 64, Path())
    return Approved(Promotion(version, "azure:dev", "sha256:0", by), Verdict(True, (), ()))


@pytest.mark.parametrize(
    ("began", "asks", "known"),
    [(ANN, "Bob", ["ann.lee", "Bob"]), (DRIFT, "Bob", ["Bob"]), (None, "Bob", ["Bob"])],
)
def test_users_and_who_asked_are_known_and_automations_are_nobody(began, asks, known):
    run = FlowRun(flow_id=uuid.uuid4(), created_by=began)

    assert starters(run, promotion(asks)) == known


@pytest.mark.parametrize("by", ["ann.lee", "Ann.Lee", "bob"])
def test_nobody_approves_what_they_began_or_asked_for(by):
    with pytest.raises(Refused, match="cannot approve it"):
        require_another(["ann.lee", " Bob "], Decision(by, "because"))


def test_another_person_approves():
    require_another(["ann.lee", "Bob"], Decision("Cy", "because"))
    require_another([], Decision("Ann", "because"))
