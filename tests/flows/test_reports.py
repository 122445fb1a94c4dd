"""JUnit, read by a reader of JUnit, whatever a run has to say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from junitparser import Error, JUnitXml, Skipped, TestSuite

from flows.agents import Agent
from flows.reports import Report
from flows.runs import End, Stage

BEGAN = datetime(2026, 11, 26, 6, 30, tzinfo=UTC)


def written(folder: Path, code: int, verdict: str, why: str, *stages: Stage) -> TestSuite:
    file = folder / "steps.xml"
    end = End(code, verdict, why, BEGAN, 12.5, stages)
    Report("release/dev", "release light", "http://x").write(end, Agent({}), file, folder / "p.md")
    (suite,) = JUnitXml.fromfile(str(file))
    return suite


def test_what_every_step_took_and_when_it_began(tmp_path):
    suite = written(tmp_path, 0, "done", "", Stage("validate", "done", 3.25, ""),
                    Stage("train", "skipped", 0.1, "nothing changed"))  # fmt: skip

    assert (suite.timestamp, suite.time, suite.tests) == ("2026-11-26T06:30:00", 12.5, 2)
    assert [(case.classname, case.name, case.time) for case in suite] == [
        ("release/dev", "validate", 3.25), ("release/dev", "train", 0.1),
    ]  # fmt: skip
    (skipped,) = list(suite)[1].result
    assert (type(skipped), skipped.message) == (Skipped, "nothing changed")


def test_colours_and_signs_that_xml_cannot_hold_are_left_out(tmp_path):
    told = "\x1b[31mred\x1b[0m \x00\x08\ud800 <b>&amp; ]]> \U0001f44d\nmore | and"

    suite = written(tmp_path, 1, "failed", told, Stage("train | all\x07", "failed", 1, told))

    (case,) = suite
    assert case.name == "train | all"
    assert case.result[0].message == "red  <b>&amp; ]]> \U0001f44d"
    assert case.result[0].text == "red  <b>&amp; ]]> \U0001f44d\nmore | and"
    assert "| train \\| all | failed | 1.0 | red" in (tmp_path / "p.md").read_text()


def test_a_run_that_failed_outside_its_steps_is_a_case_of_its_own(tmp_path):
    suite = written(tmp_path, 4, "crashed", "out of memory", Stage("validate", "done", 1, ""))

    assert [case.name for case in suite] == ["validate", "release light"]
    assert isinstance(list(suite)[1].result[0], Error)
    assert (suite.tests, suite.errors) == (2, 1)


@pytest.mark.parametrize("verdict", ["running", "pending", "rolledback", "timedout"])
def test_a_step_that_never_ended_or_was_taken_back_did_not_pass(tmp_path, verdict):
    suite = written(tmp_path, 130, "cancelled", "", Stage("train", verdict, 1, ""))

    (case,) = suite
    assert (type(case.result[0]), case.result[0].message) == (Error, verdict)
