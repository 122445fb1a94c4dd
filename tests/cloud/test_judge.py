"""What we ask of Resource Manager, and what its stand-in answers, is as Azure's OpenAPI says."""

from __future__ import annotations

import copy

import pytest

from tasks.backends.azure.health import examine_cloud
from tests.cloud.parts import parts
from tests.cloud.wire.judge import judge

pytestmark = [pytest.mark.cloud, pytest.mark.specs]
OPERATIONS = {
    "Workspaces_Get", "Datastores_Get", "Datastores_ListSecrets",
    "ModelVersions_CreateOrUpdate", "ModelVersions_Get", "ModelVersions_List",
}  # fmt: skip


@pytest.fixture(scope="module")
def said(relayed, tmp_path_factory):
    """All that releases say to Azure Machine Learning, and a look at what is not there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_KEEP_VERSIONS", "1")
        on = parts(relayed, tmp_path_factory.mktemp("model"))
    for mark in "abc":
        on.register(mark)
        on.registry.crown(on.registry.versions(on.name)[-1])
    on.registry.crown(on.registry.versions(on.name)[0])
    assert on.registry.versions(f"{on.name}-none") == []
    assert all(finding.is_well for finding in examine_cloud())
    return relayed.record.exchanges("arm")


def test_every_exchange_is_as_the_openapi_says(said, tmp_path):
    verdict = judge(said, tmp_path / "judged")

    assert verdict.findings == ()
    assert verdict.operations >= OPERATIONS


@pytest.mark.parametrize(
    ("method", "where", "name", "value", "finding"),
    [
        ("PUT", "request", "isArchived", "perhaps", "ModelVersions_CreateOrUpdate: request"),
        ("GET", "response", "value", 7, "ModelVersions_List: response"),
    ],
)
def test_a_wrong_field_is_found(said, tmp_path, method, where, name, value, finding):
    spoilt = copy.deepcopy(said)
    body = next(
        each[where] for each in spoilt if each["method"] == method and "/versions" in each["url"]
    )
    body.get("properties", body)[name] = value

    verdict = judge(spoilt, tmp_path / "judged")

    assert [each for each in verdict.findings if each.startswith(finding)]


def test_a_call_that_azure_does_not_know_is_found(said, tmp_path):
    spoilt = copy.deepcopy(said)
    call = next(each for each in spoilt if "/models/" in each["url"])
    call["url"] = call["url"].replace("/models/", "/modles/")

    assert "no such operation" in str(judge(spoilt, tmp_path / "judged").findings)
