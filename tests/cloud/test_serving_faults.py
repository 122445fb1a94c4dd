"""
Every fault at every call of serving: nothing is built twice, nothing is half live, nothing fails in
silence.

What came out is a table in docs/azure-faults.md; ``python -m tests.cloud.test_serving_faults``
writes it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.backends.azure.containers import front_door, groups
from tasks.backends.azure.containers.specs import group_name
from tasks.backends.azure.endpoints import open_endpoints
from tasks.errors import Refused, Transient
from tests.cloud.container_groups.groups import Misfortune
from tests.cloud.fault_table import EXPIRED, FAULTS, Call, outcome, told, write
from tests.cloud.serving_case import Case
from tests.cloud.serving_parts import LIVES, ServingParts, Stage, staged
from tests.cloud.subscription.arm import REGION
from tests.cloud.wire.faults import Fault
from tests.infra.engine import require_tools

pytestmark = [pytest.mark.cloud, pytest.mark.image, pytest.mark.timeout(900)]

GROUP, CONTENT = r"/containerGroups/[^/?]+", "/acr-tasks/source/"
FOLLOWED = "Microsoft.ContainerInstance/.+/operation"


def nothing(_: Case) -> None: ...


def lay(on: Case) -> None:
    """A group that is stopped."""
    on.stage.lay(on.name)


def run(on: Case) -> None:
    """One that runs."""
    lay(on)
    on.stage.owner.groups.start(on.name)


def lead(on: Case) -> None:
    """An endpoint before two groups."""
    on.lead(90, 10)


def follow(
    path: str, action: Callable[[Case], bool], before: Callable[[Case], None] = nothing
) -> Call[Case]:
    """An operation is looked at until it has ended."""
    return Call("arm", "GET", path, action, before, is_counted=False)


CALLS: dict[str, Call[Case]] = {
    "look at a group": Call("arm", "GET", rf"{GROUP}\?", Case.look),
    "list groups": Call("arm", "GET", r"/containerGroups\?", Case.listed),
    "make a group": Call("arm", "PUT", rf"{GROUP}\?", Case.make),
    "follow its making": follow(f"{FOLLOWED}s/", Case.make),
    "tag a group": Call("arm", "PATCH", rf"{GROUP}\?", Case.tag),
    "start a group": Call("arm", "POST", rf"{GROUP}/start\?", Case.start, lay),
    "follow its start": follow(f"{FOLLOWED}results/", Case.start, lay),
    "stop a group": Call("arm", "POST", rf"{GROUP}/stop\?", Case.stop, run),
    "delete a group": Call("arm", "DELETE", rf"{GROUP}\?", Case.remove, lay),
    "follow its deletion": follow(f"{FOLLOWED}results/", Case.remove, lay),
    "look at the quota": Call("arm", "GET", r"/usages\?",
                              lambda on: {100: True, 0: "told"}.get(on.on.groups.room(REGION)[1])),
    "read a container's log": Call("arm", "GET", rf"{GROUP}/containers/service/logs", Case.words),
    "look at an identity": Call("arm", "GET", "/userAssignedIdentities/", Case.pull),
    "look at its roles": Call("arm", "GET", "/roleAssignments", Case.pull),
    "look for an image by tag": Call("held", "GET", "/_tags/",
                                     lambda on: on.known(on.stage.version)),
    "look for an image by digest": Call("held", "GET", "/_manifests/",
                                        lambda on: on.known(on.stage.pinned)),
    "get a token of the registry": Call("held", "POST", "/oauth2/exchange",
                                        lambda on: on.known(on.stage.version)),
    "get one for a repository": Call("held", "POST", "/oauth2/token",
                                     lambda on: on.known(on.stage.version)),
    "list repositories": Call("held", "GET", "/_catalog", lambda on: on.check("registry")),
    "look at a build": Call("arm", "GET", "/taskRuns/", Case.follow),
    "get the address for a context": Call("arm", "POST", "/listBuildSourceUploadUrl", Case.build),
    "send the context": Call("relay", "PUT", CONTENT, Case.build),
    "begin a build": Call("arm", "PUT", "/taskRuns/", Case.build),
    "get the address of its log": Call("arm", "POST", "/listLogSasUrl", Case.follow),
    "look for its log": Call("relay", "HEAD", "/acr-tasks/logs/", Case.follow),
    "read its log": Call("relay", "GET", "/acr-tasks/logs/", Case.follow),
    "look at the profile": Call("arm", "GET", r"/profiles/[^/?]+\?",
                                lambda on: on.check("Front Door")),
    "look at an endpoint": Call("arm", "GET", r"/afdEndpoints/[^/?]+\?", lambda on: on.share(100)),
    "make an endpoint": Call("arm", "PUT", r"/afdEndpoints/[^/?]+\?", lambda on: on.share(100)),
    "look at an origin group": Call("arm", "GET", r"/originGroups/[^/?]+\?",
                                    lambda on: on.share(100)),
    "make an origin group": Call("arm", "PUT", r"/originGroups/[^/?]+\?",
                                 lambda on: on.share(100)),
    "look at an origin": Call("arm", "GET", r"/origins/[^/?]+\?", lambda on: on.share(100)),
    "make an origin": Call("arm", "PUT", r"/origins/[^/?]+\?", lambda on: on.share(100)),
    "change an origin": Call("arm", "PUT", r"/origins/[^/?]+\?", lambda on: on.share(0, 100), lead),
    "list origins": Call("arm", "GET", r"/origins\?", Case.shares, lead),
    "look at a route": Call("arm", "GET", r"/routes/[^/?]+\?", lambda on: on.share(100)),
    "make a route": Call("arm", "PUT", r"/routes/[^/?]+\?", lambda on: on.share(100)),
    "follow a change": follow("Microsoft.Cdn/operationresults/", lambda on: on.share(0, 100), lead),
}  # fmt: skip


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    require_tools()
    with staged(tmp_path_factory.mktemp("cloud")) as made:
        yield made


@pytest.fixture(scope="module")
def aged(stage: Stage) -> dict[str, ServingParts]:
    return dict(zip(CALLS, stage.aged(len(CALLS)), strict=True))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_a_fault_at_a_call_of_serving_comes_out_as_the_table_says(stage, aged, call, fault):
    assert cell(stage, aged, call, fault) == told(call, fault)


def test_a_group_that_is_still_being_made_is_stopped_as_well(stage, tmp_path):
    endpoints = open_endpoints(stage.owner.at, stage.owner.given, tmp_path)[0]
    name, known = group_name("begun", "blue"), stage.owner.groups
    stage.cloud.arm.site.faults.add(Fault("GET", f"{FOLLOWED}s/", status=403))
    with pytest.raises(Refused):
        known.put(name, stage.group(name))

    assert endpoints.stop("begun")

    assert known.get(name).state == "Stopped"
    assert stage.cloud.groups.live() == [LIVES]
    known.remove(name)


def test_an_operation_that_never_ends_is_not_waited_for_for_ever(stage, monkeypatch):
    monkeypatch.setattr(groups, "START_S", 1.0)
    monkeypatch.setattr(front_door, "CHANGE_S", 1.0)
    monkeypatch.setattr(stage.cloud.door, "operation_s", 60.0)
    monkeypatch.setattr(stage.cloud.groups, "misfortune", Misfortune(is_stuck=True))

    with pytest.raises(Transient, match="in vain for container group stuck"):
        stage.owner.groups.put("stuck", stage.group("stuck"))
    with pytest.raises(Transient, match="in vain for the change of stuck"):
        stage.owner.door.share("stuck", {"blue": front_door.Share("blue.example", 100.0)})

    stage.owner.groups.remove("stuck")
    assert stage.owner.groups.get("stuck") is None


def cell(stage: Stage, aged: dict[str, ServingParts], call: str, fault: str) -> str:
    """What the table says; what must never be is asserted."""
    on = aged[call] if fault == EXPIRED else stage.owner
    case = Case(stage, on, len(stage.cloud.builds.runs()))
    ended = outcome(stage.cloud, CALLS[call], fault, case)
    case.end()
    return ended


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as place, staged(Path(place) / "cloud") as stage:
        aged = dict(zip(CALLS, stage.aged(len(CALLS)), strict=True))
        write(CALLS, lambda call, fault: cell(stage, aged, call, fault))


if __name__ == "__main__":
    main()
