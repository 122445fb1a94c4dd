"""What agents call a build, and what they are told."""

from __future__ import annotations

import httpx
import pytest

from flows.agents import agent_of, harmless
from flows.asked import key_of, parameters_of
from flows.cli import UsageError
from flows.patience import patiently

AZURE = {
    "TF_BUILD": "True", "SYSTEM_COLLECTIONURI": "https://dev.azure.com/org/",
    "SYSTEM_TEAMPROJECT": "shop", "BUILD_BUILDID": "77",
}  # fmt: skip
GITHUB = {
    "GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "5",
}  # fmt: skip


def test_a_build_is_known_by_what_its_agent_says():
    assert agent_of({}).build is None
    assert agent_of(AZURE).build == "https://dev.azure.com/org/shop/77"
    assert agent_of({**AZURE, "BUILD_BUILDID": ""}).build is None
    assert agent_of(GITHUB).build == "https://github.com/a/b/5"


def test_azure_devops_is_told_by_commands(capsys, tmp_path):
    agent = agent_of(AZURE)

    agent.hand_on("flowRunId", "7")
    agent.complain("50 % of\nit")
    agent.show("# page", tmp_path / "page.md")

    assert capsys.readouterr().out.splitlines() == [
        "##vso[task.setvariable variable=flowRunId;isOutput=true]7",
        "##vso[task.logissue type=error]50 %AZP25 of%0Ait",
        f"##vso[task.uploadsummary]{tmp_path / 'page.md'}",
    ]


def test_github_is_told_by_files_and_commands(capsys, tmp_path):
    places = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    agent = agent_of({**GITHUB, **places})

    agent.hand_on("flowRunId", "7")
    agent.complain("50 % of\nit")
    agent.show("# page\n", None)

    assert capsys.readouterr().out == "::error::50 %25 of%0Ait\n"
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == "flowRunId=7\n"
    assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text() == "# page\n"


def test_a_shell_is_told_nothing(capsys, tmp_path):
    agent = agent_of({})

    agent.hand_on("flowRunId", "7")
    agent.complain("it failed")
    agent.show("# page", tmp_path / "page.md")

    assert capsys.readouterr().out == ""


def test_settings_become_the_parameters_of_a_flow():
    assert parameters_of(("data=az://x/y", "config.epochs=3", "config.seed=1", "deploy=false")) == {
        "data": "az://x/y", "config": {"epochs": 3, "seed": 1}, "deploy": False,
    }  # fmt: skip
    with pytest.raises(UsageError, match="given a value before"):
        parameters_of(("config=1", "config.epochs=3"))


def test_another_question_has_another_key():
    assert key_of("b", "d", {"x": 1}) != key_of("b", "d", {"x": 2})
    assert key_of("b", "d", {"x": 1, "y": 2}) == key_of("b", "d", {"y": 2, "x": 1})


def test_a_line_that_ends_as_on_a_typewriter_is_no_command_either():
    assert harmless("x\r::error::y\r\n::stop-commands::z") == "x\n*:error::y\n*:stop-commands::z"


def test_what_is_no_json_is_text():
    assert parameters_of(("why=NaN",)) == {"why": "NaN"}


def test_an_address_without_its_scheme_is_told_at_once():
    with pytest.raises(UsageError, match="PREFECT_API_URL has to begin with http"):
        patiently(lambda: httpx.get("prefect.example.org/api"))
