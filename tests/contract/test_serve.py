"""To serve and to be the champion is one thing: where the second fails, the first is taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasks.deploy import serve
from tasks.errors import Refused
from tests.contract.conftest import approved_of, only_here, tags_of
from tests.contract.test_endpoints import answering

pytestmark = only_here


class NeverCrowns:
    """A registry that gives and takes, and lets nobody be champion."""

    def __init__(self, registry) -> None:
        self._registry = registry

    def __getattr__(self, name: str):
        return getattr(self._registry, name)

    def crown(self, version) -> bool:
        raise Refused(f"version {version.number} may not be champion")


@pytest.fixture
def versions(backend, job, model_folder, another_folder):
    found = [approved_of(job, folder) for folder in (model_folder, another_folder)]
    return [backend.registry.register(each, "light", tags_of(each)) for each in found]


@pytest.fixture
def failing(backend):
    return replace(backend, registry=NeverCrowns(backend.registry))


def test_what_serves_is_the_champion(backend, versions, in_a_flow):
    for version in versions:
        deployment = in_a_flow(serve, backend, version)

        assert answering(deployment.url) == str(version.number)
        assert backend.registry.champion("light").number == version.number


def test_who_cannot_be_champion_does_not_stay(backend, failing, versions, in_a_flow):
    url = in_a_flow(serve, backend, versions[0]).url

    with pytest.raises(Refused, match="may not be champion"):
        in_a_flow(serve, failing, versions[1])

    assert answering(url) == "1"
    assert backend.registry.champion("light").number == 1
    assert backend.endpoints.live("light").version == 1


def test_the_first_of_all_that_cannot_be_champion_is_stopped(backend, failing, versions, in_a_flow):
    with pytest.raises(Refused, match="may not be champion"):
        in_a_flow(serve, failing, versions[0])

    assert backend.endpoints.live("light") is None


def test_a_version_that_serves_already_is_left_alone(backend, failing, versions, in_a_flow):
    url = in_a_flow(serve, backend, versions[0]).url
    with pytest.raises(Refused, match="may not be champion"):
        in_a_flow(serve, failing, versions[0])

    assert answering(url) == "1"
