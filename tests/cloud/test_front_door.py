"""Front Door shares traffic as it is told, some time after; and loses nothing by a change."""

from __future__ import annotations

import threading
import time

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.cloud.door import AT, Door, opened, until
from tests.cloud.front_door.management import OWN
from tests.cloud.front_door.shapes import FRONT_DOOR_ID
from tests.cloud.wire.faults import Fault

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("front-door")) as made:
        yield made


@pytest.fixture
def pair(door: Door):
    """Two servers, each with its origin and half of the traffic."""
    made = [door.serve("light-blue"), door.serve("light-green")]
    for server in made:
        assert door.lead(server, weight=500)["properties"]["provisioningState"] == "Succeeded"
    until(lambda: set(counts_or_none(door, 12)) == {each.name for each in made})
    yield made
    door.cloud.door.propagation_s = 0.5
    for server in made:
        door.sdk.afd_origins.begin_delete(*AT, OWN, server.name, polling_interval=0.1).result()
        server.close()
        del door.servers[server.host]
    until(lambda: not counts_or_none(door, 1))


def counts_or_none(door: Door, times: int) -> dict[str, int]:
    try:
        return dict(door.counts(times))
    except httpx.HTTPStatusError:
        return {}


def test_what_the_template_makes_is_there_from_the_start(door):
    profile = door.sdk.profiles.get(*AT).as_dict()
    group = door.sdk.afd_origin_groups.get(*AT, OWN).as_dict()["properties"]
    routes = [each.name for each in door.sdk.routes.list_by_endpoint(*AT, OWN)]

    assert profile["properties"]["frontDoorId"] == FRONT_DOOR_ID
    assert profile["sku"]["name"] == "Standard_AzureFrontDoor"
    assert group["healthProbeSettings"]["probePath"] == "/readyz"
    assert routes == [OWN]
    assert [each.name for each in door.sdk.afd_endpoints.list_by_profile(*AT)] == [OWN]
    assert list(door.sdk.afd_origins.list_by_origin_group(*AT, OWN)) == []


def test_without_an_origin_nobody_is_answered(door):
    with door.caller() as caller:
        done = caller.get("/")

    assert (done.status_code, done.headers["content-type"]) == (503, "text/html")
    assert "Our services aren't available right now" in done.text


def test_weights_are_honoured(door, pair):
    for server, weight in zip(pair, (900, 100), strict=True):
        door.lead(server, weight=weight)
    time.sleep(1.5)

    found = door.counts(400)

    assert 328 <= found["light-blue"] <= 389  # 5 standard deviations of 6 about 360
    assert sum(found.values()) == 400


def test_an_unhealthy_origin_gets_nothing(door, pair):
    pair[1].is_ready = False
    until(lambda: door.counts(10) == {"light-blue": 10})

    assert door.counts(50) == {"light-blue": 50}

    pair[1].is_ready = True
    until(lambda: "light-green" in counts_or_none(door, 10))


def test_a_worse_priority_waits_until_the_better_one_is_ill(door, pair):
    door.lead(pair[1], priority=2)
    until(lambda: door.counts(10) == {"light-blue": 10})
    before = door.counts(20)

    pair[0].is_ready = False
    until(lambda: door.counts(10) == {"light-green": 10})

    assert before == {"light-blue": 20}
    assert door.counts(20) == {"light-green": 20}


def test_the_origin_is_told_who_asks_and_by_whom(door, pair):
    with door.caller() as caller:
        done = caller.post("/score?x=%2F1", content=bytes(2**20), headers={
            "X-Forwarded-For": "203.0.113.7", "X-Azure-FDID": "forged", "Connection": "x-mine",
            "X-Mine": "of this connection",
        })  # fmt: skip
    method, path, headers = next(
        asked for each in pair for asked in each.asked if asked[0] == "POST"
    )

    assert done.json()["bytes"] == 2**20
    assert (method, path) == ("POST", "/score?x=%2F1")
    assert headers["host"] in {each.host for each in pair}
    assert headers["x-azure-fdid"] == FRONT_DOOR_ID
    assert headers["x-forwarded-for"] == "203.0.113.7, 127.0.0.1"
    assert headers["x-forwarded-host"] == door.url.removeprefix("https://")
    assert "x-mine" not in headers


def test_a_body_may_have_16_mib_and_no_more(door, pair):
    with door.caller() as caller:
        most, more = (caller.post("/", content=bytes(16 * 2**20 + each)) for each in (0, 1))

    assert most.json()["bytes"] == 16 * 2**20
    assert more.status_code == 413


def test_a_post_that_may_have_been_processed_is_not_sent_again(door, pair):
    with door.caller() as caller:
        done = caller.post("/break", content=b"x")

    assert done.status_code == 503
    assert [path for each in pair for _, path, _ in each.asked].count("/break") == 1


def test_a_change_takes_its_time_to_get_everywhere(door, pair):
    door.cloud.door.propagation_s = 60.0

    told = door.lead(pair[1], enabledState="Disabled")["properties"]
    time.sleep(1.0)

    assert (told["provisioningState"], told["deploymentStatus"]) == ("Succeeded", "InProgress")
    assert set(door.counts(30)) == {"light-blue", "light-green"}

    door.cloud.door.propagation_s = 0.5
    until(lambda: door.counts(20) == {"light-blue": 20})
    told = door.sdk.afd_origins.get(*AT, OWN, "light-green").as_dict()["properties"]
    assert told["deploymentStatus"] == "Succeeded"


def test_what_is_in_flight_is_answered_by_an_origin_taken_out(door, pair):
    door.lead(pair[1], enabledState="Disabled")
    until(lambda: set(counts_or_none(door, 10)) == {"light-blue"})
    said: list[httpx.Response] = []
    pair[0].gate.clear()
    with door.caller() as caller:
        asking = threading.Thread(target=lambda: said.append(caller.post("/", content=b"x")))
        asking.start()
        until(lambda: pair[0].asked[-1][0] == "POST")
        door.lead(pair[1])
        door.lead(pair[0], enabledState="Disabled")
        until(lambda: counts_or_none(door, 10) == {"light-green": 10})
        is_waiting = asking.is_alive()
        pair[0].gate.set()
        asking.join()

    assert is_waiting
    assert said[0].json() == {"name": "light-blue", "bytes": 1}


def test_a_switch_under_load_loses_nothing(door, pair):
    failures: list[str] = []
    answered: list[str] = []
    is_over = threading.Event()

    def ask() -> None:
        with door.caller() as caller:
            due = time.monotonic()
            while not is_over.is_set():
                done = caller.post("/score", content=bytes(2000))
                (answered if done.status_code == 200 else failures).append(done.text)
                due += 0.1
                time.sleep(max(0.0, due - time.monotonic()))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for blue, green in ((900, 100), (500, 500), (1, 1000)):
        door.lead(pair[1], weight=green)
        door.lead(pair[0], weight=blue)
        time.sleep(0.7)
    door.lead(pair[0], enabledState="Disabled")
    time.sleep(1.0)
    is_over.set()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(answered) > 250
    assert door.counts(20) == {"light-green": 20}


def test_a_model_may_have_an_endpoint_of_its_own(door, pair):
    group = door.sdk.afd_origin_groups.get(*AT, OWN).as_dict()
    body = {"properties": {"loadBalancingSettings": group["properties"]["loadBalancingSettings"]}}
    wait = {"polling_interval": 0.1}
    endpoint = door.sdk.afd_endpoints.begin_create(*AT, "dark", {"location": "global"}, **wait)
    made = door.sdk.afd_origin_groups.begin_create(*AT, "dark", body, **wait).result()
    route = {"properties": {
        "originGroup": {"id": made.id}, "forwardingProtocol": "HttpOnly",
        "linkToDefaultDomain": "Enabled",
    }}  # fmt: skip
    with pytest.raises(HttpResponseError, match="at least one enabled origin"):
        door.sdk.routes.begin_create(*AT, "dark", "dark", route, **wait)
    origin = {"properties": {"hostName": pair[1].host, "httpPort": 8000}}
    door.sdk.afd_origins.begin_create(*AT, "dark", "dark-blue", origin, **wait).result()
    door.sdk.routes.begin_create(*AT, "dark", "dark", route, **wait).result()
    url = f"https://{endpoint.result().as_dict()['properties']['hostName']}"

    with httpx.Client(verify=str(door.cloud.bundle)) as caller:
        until(lambda: caller.get(f"{url}/").status_code == 200)
        assert caller.get(f"{url}/").json()["name"] == "light-green"

    door.sdk.afd_endpoints.begin_delete(*AT, "dark", **wait).result()
    door.sdk.afd_origin_groups.begin_delete(*AT, "dark", **wait).result()


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({"weight": 0}, "'weight' must be an integer between 1 and 1000"),
        ({"priority": 6}, "'priority'"),
        ({"hostName": None}, "'hostName' is required"),
        ({"wieght": 5}, "Could not find member 'wieght'"),
    ],
)
def test_a_wrong_origin_is_refused(door, properties, why):
    body = {"properties": {"hostName": "light-red.example", **properties}}

    with pytest.raises(HttpResponseError, match=why) as caught:
        door.sdk.afd_origins.begin_create(*AT, OWN, "light-red", body)

    assert caught.value.status_code == 400


def test_an_origin_may_be_refused_and_an_operation_may_fail(door, pair):
    door.cloud.door.refuses = "BadRequest"
    with pytest.raises(HttpResponseError, match="is refused") as caught:
        door.lead(pair[0])
    assert caught.value.status_code == 400

    door.cloud.door.fails = "InternalServerError"
    with pytest.raises(HttpResponseError, match="InternalServerError"):
        door.lead(pair[0], enabledState="Disabled")
    found = door.sdk.afd_origins.get(*AT, OWN, "light-blue").as_dict()["properties"]
    assert found["provisioningState"] == "Failed"
    time.sleep(1.0)
    assert set(door.counts(20)) == {"light-blue", "light-green"}

    door.cloud.arm.site.faults.add(Fault("GET", "/origins/", status=503, headers={
        "Retry-After": "0"}))  # fmt: skip
    assert door.sdk.afd_origins.get(*AT, OWN, "light-blue").name == "light-blue"


def test_what_is_not_there_is_not_found(door):
    with pytest.raises(ResourceNotFoundError, match="NotFound"):
        door.sdk.afd_origins.get(*AT, OWN, "none")
    with pytest.raises(ResourceNotFoundError, match="ParentResourceNotFound"):
        list(door.sdk.afd_origins.list_by_origin_group(*AT, "none"))
    with pytest.raises(ResourceNotFoundError, match="ResourceNotFound"):
        door.sdk.profiles.get(AT[0], "none")
