"""Registry and container groups of the stand-in behave as their originals, to Azure's own SDKs."""

from __future__ import annotations

import base64
import copy
import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.containerinstance import models

from tests.cloud.container_groups import group_terms
from tests.cloud.container_groups.groups import Misfortune
from tests.cloud.container_registry import task_runs
from tests.cloud.container_registry.builds import Misfortune as BuildMisfortune
from tests.cloud.container_registry.task_runs import REGISTRY, SERVER
from tests.cloud.echo import Azure, answer, probe, url, wait_until
from tests.cloud.parts import reached
from tests.cloud.stand_in import StandIn
from tests.cloud.subscription.arm import GROUP
from tests.cloud.wire.judge import judge
from tests.infra.engine import require_tools

pytestmark = [pytest.mark.cloud, pytest.mark.image, pytest.mark.timeout(600)]
OPERATIONS = {
    "Registries_GetBuildSourceUploadUrl", "Registries_ScheduleRun", "TaskRuns_Create",
    "TaskRuns_Get", "TaskRuns_List", "TaskRuns_GetDetails", "TaskRuns_Delete", "Runs_Get",
    "Runs_List",
    "Runs_Cancel", "Runs_GetLogSasUrl", "ContainerGroups_CreateOrUpdate", "ContainerGroups_Get",
    "ContainerGroups_Update", "ContainerGroups_ListByResourceGroup", "ContainerGroups_Start",
    "ContainerGroups_Stop", "ContainerGroups_Restart", "ContainerGroups_Delete",
    "Containers_ListLogs", "Location_ListUsage", "Location_ListCapabilities",
}  # fmt: skip


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    require_tools()
    with reached(tmp_path_factory.mktemp("cloud")) as made:
        yield made
    made.forget()


@pytest.fixture(scope="module")
def azure(cloud: StandIn) -> Azure:
    return Azure(cloud)


@pytest.fixture(scope="module")
def image(azure: Azure) -> str:
    return azure.built("one")


@pytest.fixture(scope="module")
def said(cloud: StandIn, azure: Azure, image: str) -> list[dict]:
    """A build, a deployment, and all that can be asked of them."""
    before = len(cloud.record.exchanges("arm"))
    tasks, groups = azure.tasks, azure.groups
    azure.begin("judged", azure.request("judged")).result()
    run = tasks.task_runs.get(GROUP, REGISTRY, "judged").properties.run_result.name
    tasks.task_runs.get_details(GROUP, REGISTRY, "judged")
    tasks.runs.get(GROUP, REGISTRY, run)
    assert list(tasks.runs.list(GROUP, REGISTRY))
    assert list(tasks.task_runs.list(GROUP, REGISTRY))
    azure.log(run)
    tasks.task_runs.delete(GROUP, REGISTRY, "judged")
    scheduled = tasks.registries.schedule_run(GROUP, REGISTRY, azure.request("judged"))
    tasks.runs.cancel(GROUP, REGISTRY, scheduled.name)
    azure.put("judged", image)
    assert list(groups.list_by_resource_group(GROUP))
    groups.update(GROUP, "judged", models.Resource(tags={"a": "b"}))
    azure.instances.containers.list_logs(GROUP, "judged", "echo", tail=3)
    groups.begin_restart(GROUP, "judged").result()
    wait_until(lambda: groups.get(GROUP, "judged").provisioning_state == "Succeeded")
    groups.stop(GROUP, "judged")
    groups.begin_start(GROUP, "judged").result()
    assert list(azure.instances.location.list_usage("westeurope"))
    assert list(azure.instances.location.list_capabilities("westeurope"))
    groups.begin_delete(GROUP, "judged").result()
    exchanges = cloud.record.exchanges("arm")[before:]
    return [each for each in exchanges if "/operation" not in each["url"].lower()]


@pytest.fixture(autouse=True)
def _fortune(cloud: StandIn) -> Iterator[None]:
    yield
    cloud.groups.misfortune, cloud.builds.misfortune = Misfortune(), BuildMisfortune()


def test_what_is_built_is_held_under_tag_and_digest(azure, image):
    tag = azure.held.get_tag_properties("test/echo", "one")

    assert image == f"{SERVER}/test/echo@{tag.digest}"
    manifest = azure.held.get_manifest_properties("test/echo", "one")
    assert (manifest.digest, manifest.tags) == (tag.digest, ["one"])
    assert "one" in [each.name for each in azure.held.list_tag_properties("test/echo")]
    assert list(azure.held.list_repository_names()) == ["test/echo"]
    for missing in (("test/echo", "none"), ("test/none", "one")):
        with pytest.raises(ResourceNotFoundError):
            azure.held.get_tag_properties(*missing)


def test_an_equal_task_run_builds_once_and_a_forced_one_again(cloud, azure, image):
    request, before = azure.request("two"), len(cloud.builds.runs())

    first, again, forced = (
        azure.begin("echo-two", request, force).result().properties.run_result.name
        for force in ("1", "1", "2")
    )

    assert first == again != forced
    assert len(cloud.builds.runs()) == before + 2


def test_an_image_is_there_by_digest_when_its_tag_means_another(cloud, azure, image):
    request = azure.request("three")
    request["imageNames"] = ["test/echo:moving"]
    other = azure.request("four")
    other["imageNames"] = ["test/echo:moving"]

    azure.begin("echo-moving", request).result()
    former = azure.held.get_tag_properties("test/echo", "moving").digest
    azure.begin("echo-moving", other).result()

    assert azure.held.get_tag_properties("test/echo", "moving").digest != former
    assert azure.held.get_manifest_properties("test/echo", former).tags == []
    azure.put("former", f"{SERVER}/test/echo@{former}")
    assert answer("former")["mark"] == "three"
    azure.groups.begin_delete(GROUP, "former").result()


def test_a_build_that_fails_says_why_and_hides_secret_arguments(cloud, azure):
    cloud.builds.misfortune = BuildMisfortune(line="RUN echo upside down && false")

    with pytest.raises(HttpResponseError, match="RunFailed"):
        azure.begin("broken", azure.request("broken")).result()

    run = azure.tasks.task_runs.get(GROUP, REGISTRY, "broken").properties.run_result
    assert run.properties.status == "Failed"
    log = azure.log(run.name)
    assert "upside down" in log
    assert "building broken with ***" in log
    assert "a-secret-argument" not in (cloud.folder / "exchanges.jsonl").read_text()


def test_a_push_that_fails_leaves_nothing(cloud, azure, image):
    cloud.builds.misfortune = BuildMisfortune(is_lost=True)

    with pytest.raises(HttpResponseError):
        azure.begin("lost", azure.request("lost")).result()

    with pytest.raises(ResourceNotFoundError):
        azure.held.get_tag_properties("test/echo", "lost")


@pytest.mark.parametrize("fate", [{"delay_s": 60.0}, {"is_stuck": True}])
def test_a_slow_or_stuck_build_can_be_cancelled(cloud, azure, fate):
    cloud.builds.misfortune = BuildMisfortune(**fate)
    run = azure.tasks.registries.schedule_run(GROUP, REGISTRY, azure.request("slow"))

    azure.tasks.runs.cancel(GROUP, REGISTRY, run.name)

    assert azure.tasks.runs.get(GROUP, REGISTRY, run.name).properties.status == "Canceled"


def test_a_group_answers_by_its_name_and_not_once_it_is_stopped(azure, image):
    made = azure.put("stopping", image)

    assert made.ip_address.fqdn in url("stopping")
    assert answer("stopping") == {"mark": "one", "uid": 65532, "secure": 0, "file": 0}
    azure.groups.stop(GROUP, "stopping")
    assert httpx.get(url("stopping")).status_code == 502
    assert azure.groups.get(GROUP, "stopping").instance_view.state == "Stopped"
    azure.groups.begin_start(GROUP, "stopping").result()
    assert answer("stopping")["mark"] == "one"
    azure.groups.begin_delete(GROUP, "stopping").result()
    with pytest.raises(ResourceNotFoundError):
        azure.groups.get(GROUP, "stopping")


def test_a_group_is_reached_through_a_tunnel_too(cloud, azure, image):
    name, port = url("tunnel").split("/")[2].split(":")
    azure.put("tunnel", image)
    answer("tunnel")
    connection = http.client.HTTPConnection(*cloud.proxy.url.split("/")[2].split(":"), timeout=10)
    connection.set_tunnel(name, int(port))

    connection.request("GET", "/")

    assert connection.getresponse().status == 200
    connection.close()
    azure.groups.begin_delete(GROUP, "tunnel").result()
    connection.set_tunnel(name, int(port))
    with pytest.raises(OSError, match="403"):
        connection.request("GET", "/")


def test_no_request_is_lost_while_a_group_runs(azure, image):
    azure.put("busy", image)
    answer("busy")

    with httpx.Client() as client, ThreadPoolExecutor(8) as pool:
        statuses = pool.map(lambda _: client.get(url("busy")).status_code, range(400))

    assert set(statuses) == {200}
    azure.groups.begin_delete(GROUP, "busy").result()


@pytest.mark.parametrize(
    ("policy", "code", "state", "is_again"),
    [("Always", 0, "Running", True), ("OnFailure", 7, "Running", True),
     ("OnFailure", 0, "Succeeded", False), ("Never", 7, "Failed", False)],
)  # fmt: skip
def test_what_ends_is_started_again_as_its_policy_says(azure, image, policy, code, state, is_again):
    name = f"ending-{policy.lower()}-{code}"

    azure.put(name, image, restart_policy=policy, command=["sh", "-c", f"echo gone; exit {code}"])

    if is_again:
        wait_until(lambda: azure.view(name).restart_count >= 2)
        assert azure.view(name).previous_state.exit_code == code
    else:
        wait_until(lambda: azure.view(name).current_state.state == "Terminated")
        assert (azure.view(name).restart_count, azure.view(name).current_state.exit_code) == (
            0, code,
        )  # fmt: skip
    assert azure.groups.get(GROUP, name).instance_view.state == state
    assert "gone" in azure.instances.containers.list_logs(GROUP, name, "echo").content
    azure.groups.begin_delete(GROUP, name).result()


def test_a_container_whose_liveness_fails_is_started_again(azure, image):
    azure.put("sick", image, liveness_probe=probe("/healthz", failures=2))
    answer("sick", "/sicken")

    wait_until(lambda: azure.view("sick").restart_count == 1)

    assert answer("sick")["mark"] == "one"
    assert "Unhealthy" in [each.name for each in azure.view("sick").events]
    azure.groups.begin_delete(GROUP, "sick").result()


def test_what_is_never_ready_gets_no_traffic(cloud, azure, image):
    cloud.groups.misfortune = Misfortune(is_never_ready=True)

    azure.put("unready", image)

    wait_until(lambda: azure.view("unready").current_state.state == "Running")
    assert httpx.get(url("unready")).status_code == 502
    azure.groups.begin_delete(GROUP, "unready").result()


def test_secrets_reach_the_container_and_nobody_else(cloud, azure, image):
    token, keys = "a-secure-value", "a-secret-file\n"
    encoded = base64.b64encode(keys.encode()).decode()
    secret = models.Volume(name="keys", secret={"keys": encoded})

    made = azure.put(
        "secret", image, volumes=[secret],
        environment_variables=[models.EnvironmentVariable(name="TOKEN", secure_value=token)],
        volume_mounts=[models.VolumeMount(name="keys", mount_path="/run/secrets")],
    )  # fmt: skip

    told = answer("secret")
    assert (told["secure"], told["file"]) == (len(token), len(keys))
    assert made.containers[0].environment_variables[0].secure_value is None
    kept = [cloud.folder / "exchanges.jsonl", *cloud.folder.glob("*.json")]
    for file in kept:
        assert not {each for each in (token, encoded) if each in file.read_text()}, file.name
    azure.groups.begin_delete(GROUP, "secret").result()
    assert not list((cloud.folder / "secrets").glob("secret/**/*"))


@pytest.mark.parametrize(
    ("fate", "code"),
    [({"may_pull": False}, "InaccessibleImage"), ({"code": "ServiceUnavailable"},
     "ServiceUnavailable"), ({"used": 100}, "ContainerGroupQuotaReached")],
)  # fmt: skip
def test_what_the_service_refuses_has_its_code(cloud, azure, image, fate, code):
    cloud.groups.misfortune = Misfortune(**fate)

    with pytest.raises(HttpResponseError) as caught:
        azure.put(f"refused-{code.lower()}", image)

    assert caught.value.error.code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"location": "northpole"}, "LocationNotAvailableForResourceType"),
     ({"image": "docker.io/library/nginx:1"}, "InaccessibleImage")],
)  # fmt: skip
def test_what_cannot_be_is_refused(azure, image, changes, code):
    with pytest.raises(HttpResponseError) as caught:
        azure.put("impossible", **{"image": image, **changes})

    assert caught.value.error.code == code


def test_a_group_that_changes_cannot_be_changed(cloud, azure, image):
    cloud.groups.misfortune = Misfortune(is_stuck=True)
    wanted = azure.group("stuck", image)
    azure.groups.begin_create_or_update(GROUP, "stuck", wanted, polling=False)

    for change in (
        lambda: azure.groups.begin_create_or_update(GROUP, "stuck", wanted, polling=False),
        lambda: azure.groups.stop(GROUP, "stuck"),
    ):
        with pytest.raises(ResourceExistsError, match="ContainerGroupTransitioning"):
            change()

    azure.groups.begin_delete(GROUP, "stuck").result()
    assert cloud.groups.live() == []


@pytest.mark.specs
def test_all_that_is_said_is_as_the_openapi_says(said, tmp_path):
    verdict = judge(said, tmp_path / "judged")

    assert verdict.findings == ()
    assert verdict.operations >= OPERATIONS


@pytest.mark.specs
@pytest.mark.parametrize(
    ("method", "part", "where", "name", "finding"),
    [("PUT", "containerGroups", "request", "osType", "ContainerGroups_CreateOrUpdate: request"),
     ("GET", "/runs/", "response", "status", "Runs_Get: response")],
)  # fmt: skip
def test_a_wrong_field_is_found(said, tmp_path, method, part, where, name, finding):
    spoilt = copy.deepcopy(said)
    next(
        each[where]["properties"] for each in spoilt
        if each["method"] == method and part in each["url"] and each["status"] in (200, 201)
    )[name] = 7  # fmt: skip

    verdict = judge(spoilt, tmp_path / "judged")

    assert [each for each in verdict.findings if each.startswith(finding)]


def test_a_wait_goes_on_after_the_cloud_was_started_again(tmp_path):
    with reached(tmp_path / "cloud") as before:
        azure = Azure(before)
        image = azure.built("kept")
        azure.put("kept", image)
        before.groups.misfortune = Misfortune(is_stuck=True)
        wanted = azure.group("waiting", image)
        token = azure.groups.begin_create_or_update(
            GROUP, "waiting", wanted, polling_interval=0.2
        ).continuation_token()

    with reached(tmp_path / "cloud") as after:
        azure = Azure(after)
        made = azure.groups.begin_create_or_update(
            GROUP, "waiting", wanted, continuation_token=token
        ).result()

        assert made.provisioning_state == "Succeeded"
        assert answer("waiting")["mark"] == answer("kept")["mark"] == "kept"
        assert azure.held.get_tag_properties("test/echo", "kept").digest in image
    after.forget()


def test_a_machine_without_the_tools_says_how_to_get_them(cloud, azure, image, monkeypatch):
    for terms in (task_runs, group_terms):
        monkeypatch.setattr(terms, "lacking", lambda: "podman missing: apt-get install podman")

    with pytest.raises(HttpResponseError, match="apt-get install podman"):
        azure.put("toolless", image)
    with pytest.raises(HttpResponseError, match="apt-get install podman"):
        azure.begin("toolless", azure.request("toolless"))
