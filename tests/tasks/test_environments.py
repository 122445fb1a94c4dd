"""Settings of one environment of several, and the names by which commands ask for it."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import Field

from tasks.backends import parted
from tasks.backends.azure.environment import FromHere, matching, read
from tasks.errors import Refused


class Place(FromHere):
    group: str = Field(validation_alias="AZURE_RESOURCE_GROUP", description="az group list")
    door: Annotated[str, matching("afd-.+", "afd-mlops")] | None = Field(
        None, validation_alias="AZURE_FRONT_DOOR_PROFILE", description="-"
    )


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AZURE_RESOURCE_GROUP", "rg-shell")
    monkeypatch.setenv("AZURE_FRONT_DOOR_PROFILE", "afd-shell")
    return tmp_path


def test_the_file_of_an_environment_comes_before_all_else(here):
    (here / ".env.prod").write_text("AZURE_RESOURCE_GROUP=rg-prod\nOTHER=1\n")

    assert read(Place).group == "rg-shell"
    assert read(Place, "prod").group == "rg-prod"
    assert read(Place, "prod").door == "afd-shell"


def test_an_empty_value_takes_a_setting_away(here):
    (here / ".env.prod").write_text("AZURE_FRONT_DOOR_PROFILE=\n")

    assert read(Place, "prod").door is None


def test_what_must_be_there_is_missed_where_it_is_empty(here):
    (here / ".env.prod").write_text("AZURE_RESOURCE_GROUP=\n")

    with pytest.raises(Refused, match="AZURE_RESOURCE_GROUP: is not set"):
        read(Place, "prod")


def test_an_environment_without_a_file_is_refused_with_what_to_write():
    with pytest.raises(Refused, match=r"no \.env\.stage here.*AZURE_RESOURCE_GROUP=rg-stage"):
        read(Place, "stage")


def test_what_an_environment_lacks_is_told_with_its_file(here, monkeypatch):
    monkeypatch.delenv("AZURE_RESOURCE_GROUP")
    (here / ".env.prod").write_text("")

    with pytest.raises(Refused, match=r"\(\.env\.prod, environment or \.env\)") as refused:
        read(Place, "prod")

    assert "AZURE_RESOURCE_GROUP: is not set" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "parts"),
    [("local", ("local", "")), ("azure", ("azure", "")), ("azure:prod-2", ("azure", "prod-2"))],
)
def test_a_backend_is_named_with_its_environment(name, parts):
    assert parted(name) == parts


@pytest.mark.parametrize("name", ["", "moon", "local:dev", "azure:", "azure:../x", "azure:Prod"])
def test_any_other_name_is_refused(name):
    with pytest.raises(Refused, match="unknown backend"):
        parted(name)
