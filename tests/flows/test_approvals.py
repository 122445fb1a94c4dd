"""A person's word, asked after the gates and before anything goes live."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.flows.pages import FAST, Pages

pytestmark = pytest.mark.slow

YES = {"release": True, "by": "Ann", "why": "better on boots"}


def test_a_release_goes_on_when_a_person_says_so(pages, pictures):
    run = asked(pages, pictures)
    page = pages.ask("POST", "/artifacts/filter", {
        "artifacts": {"key": {"any_": ["approval"]}}, "sort": "CREATED_DESC", "limit": 1,
    })[0]["data"]  # fmt: skip
    nameless = pages.ask("POST", f"/flow_runs/{run}/resume", {"run_input": {**YES, "by": " "}})

    answered = pages.ask("POST", f"/flow_runs/{run}/resume", {"run_input": YES})
    pages.came_to(run, "COMPLETED")

    assert nameless["status"] == "REJECT"
    assert answered["status"] == "ACCEPT"
    assert "May asked go live in local?" in page
    assert "| serves now | nothing |" in page
    evidence = sorted((pages.checkout.state / "evidence").glob("*.json"))[-1]
    steps = {step["step"]: step for step in json.loads(evidence.read_text())["steps"]}
    assert steps["approve-release"]["record"]["decision"] == {"by": "Ann", "why": YES["why"]}
    assert steps["register-model"]["record"]["tags"]["approved_by"] == "Ann"


@pytest.mark.parametrize(
    ("answer", "hours", "says"),
    [
        ({**YES, "release": False}, 1.0, "Ann refused denied for local: better on boots"),
        (None, 0.001, "nobody approved denied for local within 0.001 h"),
    ],
)
def test_no_and_silence_are_refusals(pages, pictures, answer, hours, says):
    run = asked(pages, pictures, name="denied", approval_hours=hours)
    if answer:
        pages.ask("POST", f"/flow_runs/{run}/resume", {"run_input": answer})

    state = pages.came_to(run, "FAILED")

    assert state["name"] == "Refused"
    assert says in state["message"]
    assert not (pages.checkout.state / "endpoints" / "denied" / "state.json").exists()


def test_one_that_waits_for_a_person_holds_nobody_up_and_can_be_cancelled(pages, pictures):
    run = asked(pages, pictures, name="held")

    beside = pages.begin("release/local", data=str(pictures), name="held", config=FAST)
    pages.came_to(beside, "COMPLETED")
    pages.ask("POST", f"/flow_runs/{run}/resume", {"run_input": YES})
    overtaken = pages.came_to(run, "FAILED")
    again = asked(pages, pictures, name="held", force=True)
    pages.cancel(again)

    pages.came_to(again, "CANCELLED", seconds=60)
    assert "held version 1 went live while this was made" in overtaken["message"]


def asked(pages: Pages, pictures, name: str = "asked", **more: Any) -> str:
    """A release that waits for a person."""
    run = pages.begin("release/local", data=str(pictures), name=name, config=FAST,
                      approval=True, **more)  # fmt: skip
    pages.came_to(run, "PAUSED", seconds=120)
    return run
