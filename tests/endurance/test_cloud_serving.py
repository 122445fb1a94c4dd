"""Serving in Azure: under load while versions come, fail and go back; killed at thirty moments."""

from __future__ import annotations

import os
import random
import ssl
import subprocess
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tasks.backends.azure.clients import Clients
from tasks.backends.azure.containers.settings import read_serving
from tasks.backends.azure.endpoints import open_endpoints
from tasks.errors import Refused, Transient
from tasks.records import ModelVersion
from tests.cloud.container_groups.groups import Misfortune
from tests.cloud.parts import reached
from tests.cloud.stand_in import StandIn
from tests.cloud.test_containers import altered, quiet
from tests.endurance.conftest import Client
from tests.flows.conftest import FAST, IN_AZURE
from tests.infra.engine import require_tools

pytestmark = [
    pytest.mark.endurance, pytest.mark.cloud, pytest.mark.image, pytest.mark.timeout(14400),
]  # fmt: skip
TIMES = 30
ANY = (  # of four epochs, on any seed, beside any champion
    "--min-accuracy", "0", "--min-recall", "0", "--max-drop", "1", "--confidence", "0.999999",
)  # fmt: skip
CRASH = ("python3", "-c", "raise SystemExit('no')")


@pytest.fixture
def serving_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    require_tools()
    with reached(tmp_path_factory.mktemp("cloud"), serves=True) as made:
        yield made
    made.forget()


def test_no_request_fails_in_five_releases_three_failures_and_three_rollbacks(
    serving_cloud, model_folder, tmp_path, monkeypatch
):
    cloud, settings = serving_cloud, read_serving()
    assert settings
    endpoints = open_endpoints(Clients.open(), settings, tmp_path)[0]
    monkeypatch.setenv("MLOPS_ENDPOINT_LATENCY_S", "0.0001")
    hasty_settings = read_serving()
    assert hasty_settings
    hasty = open_endpoints(Clients.open(), hasty_settings, tmp_path)[0]
    versions = [altered(model_folder, number, tmp_path) for number in range(1, 8)]
    url = endpoints.deploy(versions[0], None, quiet).url
    key = {"Authorization": f"Bearer {os.environ['MLOPS_ENDPOINT_KEYS']}"}
    trust = ssl.create_default_context(cafile=str(cloud.bundle))

    with Client(url, 50, headers=key, trust=trust, is_proxied=True) as client:
        for version in versions[1:6]:
            endpoints.deploy(version, None, quiet)
        cloud.groups.misfortune = Misfortune(command=CRASH)
        with pytest.raises(Transient):
            endpoints.deploy(versions[6], None, quiet)
        swapped = f"{settings.registry}.azurecr.io/mlops/light@{digest_of(cloud, versions[0])}"
        cloud.groups.misfortune = Misfortune(image=swapped)
        with pytest.raises(Refused):
            endpoints.deploy(versions[6], None, quiet)
        cloud.groups.misfortune = Misfortune()
        with pytest.raises(Refused):
            hasty.deploy(versions[6], None, quiet)
        for number in (4, 5, 4):
            began = time.monotonic()
            endpoints.deploy(versions[number], None, quiet)
            print(f"rolled back in {time.monotonic() - began:.1f} s")

    times = sorted(client.seconds)
    print(f"{client.asked} asked, {len(client.failures)} failed, by version {client.versions}")
    print(f"median {1e3 * times[len(times) // 2]:.1f} ms, slowest {1e3 * times[-1]:.0f} ms")
    assert client.failures == []
    assert set(client.versions) == {"1", "2", "3", "4", "5", "6"}
    assert all(len(digests) == 1 for digests in client.digests.values())
    assert len(cloud.groups.live()) == 1


def test_a_deployment_that_is_killed_ends_well_in_the_next(flows, serving_cloud, pictures):
    cloud = serving_cloud
    for file in sorted(pictures.rglob("*.png")):
        cloud.put("images", f"light/{file.relative_to(pictures).as_posix()}", file.read_bytes())
    there = {**cloud.environment, **cloud.serving()}
    began = deploying(flows.start(*words(1), **there))
    assert began.process.wait() == 0, began.rest()
    whole = time.monotonic() - began.since

    for turn in range(TIMES):
        seed = turn + 2
        begun = deploying(flows.start(*words(seed), **there))
        moment = whole * (turn + random.random()) / TIMES
        time.sleep(max(0.0, begun.since + moment - time.monotonic()))
        begun.process.kill()
        begun.rest()
        print(f"killed {moment:.1f} of {whole:.1f} s on: {cloud.groups.live()}", flush=True)

        done = flows(*words(seed), **there)

        assert done.returncode == 0, done.stdout + done.stderr
        assert f"version {seed} serves" in done.stdout
        assert len(cloud.groups.live()) == 1
        assert len(cloud.builds.runs()) == seed


class Deploying(NamedTuple):
    process: subprocess.Popen[str]
    since: float  # time.monotonic() of its first word about the deployment

    def rest(self) -> str:
        return self.process.communicate()[0]


def deploying(process: subprocess.Popen[str]) -> Deploying:
    told = []
    assert process.stdout
    for line in process.stdout:
        told.append(line)
        if line.startswith("   deploy │"):
            return Deploying(process, time.monotonic())
    raise AssertionError(f"it ended before it deployed:\n{''.join(told)}")


def words(seed: int) -> tuple[str, ...]:
    return (*IN_AZURE, *FAST, "--seed", str(seed), *ANY)


def digest_of(cloud: StandIn, version: ModelVersion) -> str:
    """Of the image that was built for this version, the first of all."""
    return str(cloud.builds.runs()[version.number - 1]["properties"]["outputImages"][0]["digest"])
