"""Old versions are archived by policy."""

from __future__ import annotations

import pytest

from tests.cloud.parts import parts
from tests.cloud.subscription.arm import MODELS

pytestmark = pytest.mark.cloud


def test_old_versions_are_archived_and_come_back_when_they_serve(relayed, tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_KEEP_VERSIONS", "1")
    on = parts(relayed, tmp_path)

    def archived() -> list[str]:
        found = relayed.arm.known.below(f"{MODELS}/{on.name}/versions")
        return sorted(each["name"] for each in found if each["properties"]["isArchived"])

    for mark in "abcd":
        on.register(mark)
        on.registry.crown(on.registry.versions(on.name)[-1])
    assert archived() == ["1", "2"]

    on.registry.crown(on.registry.versions(on.name)[0])

    assert archived() == ["2", "3"]
    assert [version.number for version in on.registry.versions(on.name)] == [1, 2, 3, 4]
