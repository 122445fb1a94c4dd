"""The work pools: where flow runs become processes, or containers in Azure."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import WorkPool
from prefect.exceptions import ObjectNotFound

from flows.changes import Change, changed
from tasks.errors import Refused
from tasks.state import CHECKOUT

AZURE = "mlops-azure"
SEVERAL = 4  # runs of one pool at a time; a person may change it in the pool's form
TYPES = {
    "mlops": "process",
    "mlops-dev": "process",
    "mlops-prod": "process",
    AZURE: "azure-container-instance",
}
TEMPLATE = CHECKOUT / "infra" / "work-pool-azure.json"


def make_pool(client: SyncPrefectClient, name: str) -> Iterator[Change]:
    """
    Make the pool, or bring its template up to date; defaults that a person set in it stay.

    Raises:
        Refused: another kind of pool has the name.
    """
    found, kind = _found(client, name), TYPES[name]
    if found and found.type != kind:
        raise Refused(f"work pool {name} is of type {found.type}, not {kind}; rename or delete it")
    wanted = _with_defaults_of(found, _template(name))
    other = ["template"] if found and found.base_job_template != wanted else []
    if found is None:
        client.create_work_pool(WorkPoolCreate(
            name=name, type=kind, base_job_template=wanted, concurrency_limit=SEVERAL
        ))  # fmt: skip
    elif other:
        client.update_work_pool(name, WorkPoolUpdate(base_job_template=wanted))
    yield changed("work pool", name, is_there=found is not None, other=other)


def _found(client: SyncPrefectClient, name: str) -> WorkPool | None:
    try:
        return client.read_work_pool(name)
    except ObjectNotFound:
        return None


def _template(name: str) -> dict[str, Any]:
    if name == AZURE:
        found: dict[str, Any] = json.loads(TEMPLATE.read_text(encoding="utf-8"))
        return found
    from prefect.workers.process import ProcessWorker

    made: dict[str, Any] = json.loads(json.dumps(ProcessWorker.get_default_base_job_template()))
    return made


def _with_defaults_of(found: WorkPool | None, template: dict[str, Any]) -> dict[str, Any]:
    """Image, variables of the environment and the like may be set in the pool's own form."""
    wanted = copy.deepcopy(template)
    there = (found.base_job_template if found else {}).get("variables", {}).get("properties", {})
    for name, variable in wanted["variables"]["properties"].items():
        if "default" in there.get(name, {}):
            variable["default"] = there[name]["default"]
    return wanted
