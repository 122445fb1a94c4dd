"""The template of this project, with the parameters of its two environments."""

from __future__ import annotations

import json
from typing import Any

from tests.cloud.deployments.empty_estate import DEV, PLACES, PROD
from tests.cloud.deployments.runs import Runs
from tests.conftest import ROOT

INFRA = ROOT / "infra"
GROUPS = {"dev": DEV, "prod": PROD}
NAME = "mlops"


def template() -> dict[str, Any]:
    """Anew, so that a test may spoil it."""
    return dict(json.loads((INFRA / "azuredeploy.json").read_text(encoding="utf-8")))


def parameters(environment: str, **more: Any) -> dict[str, Any]:
    """Those of the file of that environment, and more, as ``az … --parameters`` adds them."""
    file = INFRA / f"azuredeploy.{environment}.parameters.json"
    given = dict(json.loads(file.read_text(encoding="utf-8"))["parameters"])
    return given | {name: {"value": value} for name, value in more.items()}


def properties(environment: str, **more: Any) -> dict[str, Any]:
    """Of a deployment."""
    given = parameters(environment, **more)
    return {"mode": "Incremental", "template": template(), "parameters": given}


def deployed(runs: Runs, environment: str = "dev", **more: Any) -> dict[str, Any]:
    """The outputs, by name, of a deployment that is made at once."""
    place = PLACES[GROUPS[environment]]
    told = runs.run(NAME, place, properties(environment, **more))
    return {name: each["value"] for name, each in told["outputs"].items()}


def settings(outputs: dict[str, Any]) -> dict[str, str]:
    """As the lines of an .env file say them."""
    return {each["name"]: each["value"] for each in outputs["settings"]}
