"""Text is printed as it is, whatever Rich would make of it."""

from __future__ import annotations

import json

import pytest

from flows import doctor, terminal
from flows.status import run_status
from flows.verify import run_verify
from tasks.digests import digest_of_file
from tasks.records import Deployment
from tasks.timeline import Entry, Timeline

ODD = "[/]x :x: [red]y"


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A state folder in a folder of an odd name, with the evidence of one refused release."""
    folder = tmp_path / "[" / "]x :x: [red]y" / "state"
    (folder / "evidence").mkdir(parents=True)
    file = folder / "report"
    file.write_text("whole")
    kept = {
        "kind": "release", "ended": "2026-01-02T03:04:05+00:00", "outcome": "refused",
        "why": ODD, "digests": {str(file): digest_of_file(file)},
    }  # fmt: skip
    (folder / "evidence" / f"1-{ODD.replace('/', '')}.json").write_text(json.dumps(kept))
    monkeypatch.setenv("MLOPS_HOME", str(folder))
    return folder


def test_status_prints_a_reason_as_it_is(state, capsys):
    assert run_status(repair=False) == 0

    assert ODD in capsys.readouterr().out


def test_verify_prints_names_as_they_are(state, capsys):
    assert run_verify(None) == 0

    printed = capsys.readouterr().out
    assert f"1-{ODD.replace('/', '')}.json" in printed
    assert f"same    {state / 'report'}" in printed


def test_the_doctor_prints_the_state_folder_as_it_is(state, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", (doctor._state,))

    assert doctor.run_doctor() == 0
    printed = "".join(capsys.readouterr().out.split())  # lines are folded where they are too long
    assert "".join(f"{state} is writable".split()) in printed


def test_stages_and_the_ending_print_names_as_they_are(capsys):
    console = terminal.console()
    proof = Deployment(ODD, "http://127.0.0.1:1", 1, "digest", 1, 0.0, "code", example=ODD)

    console.print(terminal.stages(Timeline([Entry("deploy-model", "refused", 1.0, why=ODD)])))
    terminal.ending(console, proof)

    assert capsys.readouterr().out.count(ODD) == 3
