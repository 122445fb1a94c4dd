"""What is said to Front Door's management is as Azure's OpenAPI says, and survives a restart."""

from __future__ import annotations

import copy

import pytest

from tests.cloud.door import AT, opened, until
from tests.cloud.front_door.management import OWN
from tests.cloud.wire.judge import judge

pytestmark = pytest.mark.cloud
OPERATIONS = {
    "Profiles_Get", "AFDEndpoints_Get", "AFDEndpoints_ListByProfile", "AFDEndpoints_Create",
    "AFDEndpoints_Delete", "AFDOriginGroups_Get", "AFDOriginGroups_ListByProfile",
    "AFDOriginGroups_Create", "AFDOriginGroups_Update", "AFDOriginGroups_Delete",
    "AFDOrigins_Get", "AFDOrigins_ListByOriginGroup", "AFDOrigins_Create", "AFDOrigins_Update",
    "AFDOrigins_Delete", "Routes_Get", "Routes_ListByEndpoint", "Routes_Create",
}  # fmt: skip
WAIT = {"polling_interval": 0.1}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """All that can be said, in the life of a model; then the stand-in ends, and starts again."""
    place = tmp_path_factory.mktemp("front-door")
    with opened(place) as door:
        server, sdk = door.serve("light-blue"), door.sdk
        sdk.profiles.get(*AT)
        door.lead(server)
        door.lead(server, weight=7)
        sdk.afd_origins.begin_update(
            *AT, OWN, server.name, {"properties": {"weight": 9}}, **WAIT).result()  # fmt: skip
        assert sdk.afd_origins.get(*AT, OWN, server.name).as_dict()["properties"]["weight"] == 9
        groups, body = sdk.afd_origin_groups, sdk.afd_origin_groups.get(*AT, OWN).as_dict()
        given = {"properties": {"loadBalancingSettings":
                                body["properties"]["loadBalancingSettings"]}}  # fmt: skip
        groups.begin_create(*AT, "dark", given, **WAIT).result()
        groups.begin_update(*AT, "dark", given, **WAIT).result()
        sdk.afd_endpoints.begin_create(*AT, "dark", {"location": "global"}, **WAIT).result()
        sdk.routes.begin_create(*AT, "dark", "dark", {"properties": {
            "originGroup": {"id": body["id"]}, "linkToDefaultDomain": "Enabled"}},
            **WAIT).result()  # fmt: skip
        sdk.routes.get(*AT, "dark", "dark")
        for found in (
            sdk.afd_endpoints.list_by_profile(*AT), groups.list_by_profile(*AT),
            sdk.afd_origins.list_by_origin_group(*AT, OWN), sdk.routes.list_by_endpoint(*AT, OWN),
        ):  # fmt: skip
            assert list(found)
        sdk.afd_endpoints.get(*AT, OWN)
        sdk.afd_endpoints.begin_delete(*AT, "dark", **WAIT).result()
        groups.begin_delete(*AT, "dark", **WAIT).result()
        door.cloud.door.operation_s, url = 2.0, door.url
        begun = sdk.afd_origins.begin_update(
            *AT, OWN, server.name, {"properties": {"weight": 11}})  # fmt: skip
        where = begun.continuation_token()
    with opened(place) as door:
        server = door.serve("light-blue")
        assert door.url == url
        again = door.sdk.afd_origins.begin_update(
            *AT, OWN, server.name, {}, continuation_token=where, **WAIT).result()  # fmt: skip
        assert again.as_dict()["properties"]["weight"] == 11
        with door.caller() as caller:
            until(lambda: caller.get("/").status_code == 200)
        door.sdk.afd_origins.begin_delete(*AT, OWN, server.name, **WAIT).result()
        return door.cloud.record.exchanges("arm")


def test_a_restart_changes_nothing(said):
    deleted = [each["status"] for each in said if each["method"] == "DELETE"]

    assert deleted == [202, 202, 202]


@pytest.mark.specs
def test_every_exchange_is_as_the_openapi_says(said, tmp_path):
    verdict = judge(said, tmp_path / "judged")

    assert verdict.findings == ()
    assert verdict.operations >= OPERATIONS


@pytest.mark.specs
@pytest.mark.parametrize(
    ("method", "where", "name", "value", "finding"),
    [
        ("PUT", "request", "weight", 2000, "AFDOrigins_Create: request"),
        ("PUT", "response", "deploymentStatus", 7, "AFDOrigins_Create: response"),
        ("GET", "response", "wieght", 7, "AFDOrigins_Get: response"),
    ],
)
def test_a_wrong_field_is_found(said, tmp_path, method, where, name, value, finding):
    spoilt = copy.deepcopy(said)
    body = next(
        each[where] for each in spoilt if each["method"] == method and "/origins/" in each["url"]
    )
    body["properties"][name] = value

    verdict = judge(spoilt, tmp_path / "judged")

    assert [each for each in verdict.findings if each.startswith(finding)]
