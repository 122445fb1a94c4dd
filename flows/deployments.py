"""The deployments of prefect.yaml, with schedules and triggers, as Prefect's API wants them."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import ConcurrencyOptions
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events import DeploymentTriggerTypes
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound
from prefect.utilities.callables import parameter_schema
from prefect.utilities.templating import apply_values
from pydantic import TypeAdapter

from flows.changes import Change, changed, left_out
from tasks.state import CHECKOUT

UNSET = re.compile(r"\{\{ *\$(\w+) *\}\}")
TRIGGER: TypeAdapter[DeploymentTriggerTypes] = TypeAdapter(DeploymentTriggerTypes)


@dataclass(frozen=True)
class Wanted:
    """One entry of prefect.yaml, with the variables of the environment filled in."""

    given: dict[str, Any]

    @cached_property
    def flow(self) -> Any:
        module, _, name = str(self.given["entrypoint"]).removesuffix(".py").partition(".py:")
        return getattr(importlib.import_module(module.replace("/", ".")), name)

    @property
    def name(self) -> str:
        flow = str(self.given["entrypoint"]).partition(":")[2]
        return f"{flow}/{self.given['name']}"

    @property
    def pool(self) -> str:
        return str(self.given["work_pool"]["name"])

    @property
    def lacks(self) -> str:
        """Why it cannot be made; empty where it can."""
        file = str(self.given["entrypoint"]).partition(":")[0]
        if not (CHECKOUT / file).is_file():
            return f"there is no {file}"
        unset = sorted(set(UNSET.findall(str(self.given))))
        return f"not set: {', '.join(unset)}" if unset else ""

    @cached_property
    def fields(self) -> dict[str, Any]:
        """What is compared with the deployment that is there."""
        here = {"prefect.deployments.steps.set_working_directory": {"directory": str(CHECKOUT)}}
        limit = self.given.get("concurrency_limit") or {}
        return {
            "description": self.given["description"],
            "entrypoint": self.given["entrypoint"],
            "tags": self.given.get("tags", []),
            "parameters": self.given.get("parameters", {}),
            "work_pool_name": self.pool,
            "job_variables": self.given["work_pool"].get("job_variables", {}),
            "pull_steps": self.given.get("pull", [here]),
            "parameter_openapi_schema": parameter_schema(self.flow).model_dump(exclude_unset=True),
            "enforce_parameter_schema": True,
            "concurrency_limit": limit.get("limit"),
            "concurrency_options": limit.get("collision_strategy"),
        }

    @property
    def schedules(self) -> list[DeploymentScheduleCreate]:
        return [
            DeploymentScheduleCreate.model_validate({
                "schedule": {key: each[key] for key in ("cron", "timezone")},
                "slug": each["slug"], "active": each.get("active", True),
            })
            for each in self.given.get("schedules", [])
        ]  # fmt: skip

    def automations(self, deployment: Any) -> Iterator[AutomationCore]:
        """What starts it, upon which events."""
        for each in self.given.get("triggers", []):
            trigger = TRIGGER.validate_python(each)
            trigger.set_deployment_id(deployment)
            yield trigger.as_automation()


def read_wanted(file: Path = CHECKOUT / "prefect.yaml") -> list[Wanted]:
    """Every deployment of the file, in its order."""
    entries = yaml.safe_load(file.read_text(encoding="utf-8"))["deployments"]
    filled: Any = apply_values(entries, dict(os.environ), remove_notset=False)
    return [Wanted(each) for each in filled]


def deploy(client: SyncPrefectClient, wanted: Wanted) -> Iterator[Change]:
    """Make the deployment, or change what is other; whether a schedule is awake is left alone."""
    if wanted.lacks:
        yield left_out("deployment", wanted.name, wanted.lacks)
        return
    found = _found(client, wanted.name)
    schedules = [_as_awake_as(found, each) for each in wanted.schedules]
    other = _other(found, wanted, schedules) if found else []
    if found is None or other:
        fields = dict(wanted.fields)
        strategy = fields.pop("concurrency_options")
        client.create_deployment(
            client.create_flow_from_name(wanted.flow.name),
            name=wanted.given["name"],
            schedules=schedules,
            paused=found.paused if found else False,
            concurrency_options=ConcurrencyOptions(collision_strategy=strategy)
            if strategy else None,
            **fields,
        )  # fmt: skip
    yield changed("deployment", wanted.name, is_there=found is not None, other=other)


def _found(client: SyncPrefectClient, name: str) -> DeploymentResponse | None:
    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None


def _other(
    found: DeploymentResponse, wanted: Wanted, schedules: list[DeploymentScheduleCreate]
) -> list[str]:
    """What of the deployment that is there is not as wanted."""
    limit, options = found.global_concurrency_limit, found.concurrency_options
    there = {
        **{name: getattr(found, name) for name in wanted.fields if hasattr(found, name)},
        "concurrency_limit": limit.limit if limit else None,
        "concurrency_options": options.collision_strategy.value if options else None,
    }
    other = [name for name, value in wanted.fields.items() if there.get(name) != value]
    mine = {each.slug: (each.schedule, each.active) for each in schedules}
    if mine != {each.slug: (each.schedule, each.active) for each in found.schedules}:
        other.append("schedules")
    return other


def _as_awake_as(
    found: DeploymentResponse | None, schedule: DeploymentScheduleCreate
) -> DeploymentScheduleCreate:
    """A person may have woken the schedule, or put it to sleep."""
    for each in found.schedules if found else []:
        if each.slug == schedule.slug:
            return schedule.model_copy(update={"active": each.active})
    return schedule
