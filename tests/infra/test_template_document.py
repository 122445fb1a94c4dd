"""docs/setup-cloud-infrastructure.md speaks of what the template makes, takes and says."""

from __future__ import annotations

import json
import re

import pytest

from tasks.backends.azure.prices import Prices
from tests.cloud.deployments.ours import parameters, template
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "setup-cloud-infrastructure.md").read_text(encoding="utf-8")
HOURS = 730  # of a month
OF_OTHERS = {"Microsoft.Authorization/roleAssignments", "Microsoft.Resources/deployments"}


def rows() -> dict[str, tuple[str, str]]:
    """Of the table: type → why, and what it costs."""
    found = re.findall(r"^\| `(Microsoft\.[^`]+)` \| ([^|]+) \| ([^|]+) \|$", TEXT, re.MULTILINE)
    return {kind: (why.strip(), costs.strip()) for kind, why, costs in found}


def test_every_type_has_its_reason_and_its_costs():
    document = template()
    inner = [each for outer in document["resources"] if "template" in outer.get("properties", {})
             for each in outer["properties"]["template"]["resources"]]  # fmt: skip
    kinds = {each["type"] for each in [*document["resources"], *inner]}

    assert set(rows()) == {kind for kind in kinds if kind.count("/") == 1} - OF_OTHERS
    assert all(why and re.search(r"\d|in the logs", costs) for why, costs in rows().values())


def test_containers_cost_what_the_table_of_prices_says():
    price = Prices.read().container
    taken = {name: each["defaultValue"] for name, each in template()["parameters"].items()
             if name in ("workerCpu", "workerMemoryGb")}  # fmt: skip
    worker = HOURS * (taken["workerCpu"] * price.core_per_hour
                      + taken["workerMemoryGb"] * price.gb_per_hour)  # fmt: skip

    assert rows()["Microsoft.ContainerInstance/containerGroups"][1] == f"{worker:.0f}"
    model = HOURS * (price.core_per_hour + price.gb_per_hour)
    assert f"adds {model:.0f}" in TEXT


def test_parameters_that_are_written_down_are_parameters():
    known = set(template()["parameters"])
    written = set(re.findall(r'"(\w+)": \{ "value"', TEXT))

    assert written >= {"operators", "volume", "baseImage", "workerImage", "prefectApiUrl"}
    assert written <= known


def test_outputs_that_are_asked_for_are_outputs():
    asked = set(re.findall(r"show ([a-z]+)\.value|properties\.outputs\.([a-z]+)\.", TEXT))

    assert {one or other for one, other in asked} == set(template()["outputs"])


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_what_the_files_of_parameters_give_is_what_the_template_takes(environment):
    given = parameters(environment)

    assert set(given) <= set(template()["parameters"])
    assert given["environment"] == {"value": environment}
    assert json.dumps(given).count("reference") == 0
