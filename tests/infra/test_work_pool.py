"""The work pool's template in Azure, filled in by prefect-azure's own worker code."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import yaml
from prefect.client.schemas.objects import FlowRun
from prefect_azure.workers.container_instance import AzureContainerWorker

from tests.conftest import ROOT

TEMPLATE = json.loads((ROOT / "infra" / "work-pool-azure.json").read_text())


class NoServer:
    """Templates without references to blocks or variables ask nobody."""


def configured(values: dict[str, Any]) -> dict[str, Any]:
    """The container group that the worker would ask Azure for."""
    kind = AzureContainerWorker.job_configuration
    made = asyncio.run(kind.from_template_and_values(TEMPLATE, values, client=NoServer()))
    made.prepare_for_flow_run(FlowRun(flow_id=uuid.uuid4(), name="a-run"))
    return made.arm_template["resources"][0]


def test_it_makes_a_group_that_pulls_the_image_as_the_identity_and_runs_the_flow():
    given = yaml.safe_load((ROOT / "prefect.yaml").read_text())["definitions"]["container"]

    group = configured(given["job_variables"])

    (container,) = group["properties"]["containers"]
    identity = given["job_variables"]["identities"][0]
    assert container["properties"]["image"] == given["job_variables"]["image"]
    assert container["properties"]["command"] == ["prefect", "flow-run", "execute"]
    requests = container["properties"]["resources"]["requests"]
    assert requests == {"cpu": 2.0, "memoryInGB": 8.0}
    assert group["properties"]["restartPolicy"] == "Never"
    assert list(group["identity"]["userAssignedIdentities"]) == [identity]
    (credentials,) = group["properties"]["imageRegistryCredentials"]
    assert credentials["identity"] == identity


def test_it_has_every_variable_that_the_worker_knows():
    known = AzureContainerWorker.get_default_base_job_template()

    assert TEMPLATE["job_configuration"] == known["job_configuration"]
    assert TEMPLATE["variables"]["properties"].keys() == known["variables"]["properties"].keys()
