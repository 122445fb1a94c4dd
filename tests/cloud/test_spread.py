"""Front Door changes its edges one by one: meanwhile the former group is asked, and must answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.folder import ModelFolder
from tasks.backends.azure import azure_backend
from tasks.ports import Endpoints
from tasks.records import ModelVersion
from tests.cloud.container_groups.groups import GROUPS
from tests.cloud.parts import reached
from tests.cloud.stand_in import StandIn
from tests.infra.engine import require_tools

pytestmark = [pytest.mark.cloud, pytest.mark.image, pytest.mark.timeout(900)]
SPREAD_S = 30


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[StandIn]:
    require_tools()
    with reached(tmp_path / "cloud", serves=True) as made:
        yield made
    made.forget()


@pytest.fixture
def endpoints(cloud: StandIn, monkeypatch: pytest.MonkeyPatch) -> Endpoints:
    monkeypatch.setenv("MLOPS_SPREAD_S", str(SPREAD_S))
    monkeypatch.setenv("MLOPS_BAKE_S", "0.5")
    found = azure_backend().endpoints
    assert found
    return found


def test_the_former_group_runs_on_until_nobody_is_led_there(
    cloud: StandIn, endpoints: Endpoints, model_folder: Path
) -> None:
    digest = ModelFolder.read(model_folder).digest
    one, two, three = (ModelVersion("light", n, digest, model_folder, {}) for n in (1, 2, 3))
    said: list[str] = []
    endpoints.deploy(one, None, said.append)

    endpoints.deploy(two, None, said.append)
    assert states(cloud) == {"light-blue": "Running", "light-green": "Running"}
    assert "light-blue runs on until Front Door has changed everywhere" in said[-1]

    began = time.monotonic()
    assert endpoints.deploy(one, None, said.append).version == 1  # back, at once
    assert time.monotonic() - began < SPREAD_S
    assert states(cloud) == {"light-blue": "Running", "light-green": "Running"}

    endpoints.deploy(three, None, said.append)  # where two was, which may still be asked
    assert any("light-green may still be asked" in line for line in said)
    assert states(cloud) == {"light-blue": "Running", "light-green": "Running"}

    time.sleep(SPREAD_S + 1)
    endpoints.repair("light", said.append)
    assert states(cloud) == {"light-blue": "Stopped", "light-green": "Running"}


def states(cloud: StandIn) -> dict[str, str]:
    return {
        each["name"]: each["properties"]["instanceView"]["state"]
        for each in cloud.groups.known.below(GROUPS)
    }
