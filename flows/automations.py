"""Automations: events start releases, and what ends badly or waits for a person is told."""

from __future__ import annotations

import os
from collections.abc import Iterator

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import VariableCreate
from prefect.client.schemas.objects import BlockDocument
from prefect.events.actions import ActionTypes, CallWebhook, RunDeployment, SendNotification
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger
from prefect.exceptions import ObjectNotFound

from flows.changes import Change, changed, left_out
from flows.deployments import Wanted

VARIABLE, SETTING = "mlops_notify", "MLOPS_NOTIFY"
HOW = (f"name a block as TYPE/NAME, such as slack-webhook/team, in the variable {VARIABLE} of "
       f"Prefect, or in {SETTING}")  # fmt: skip
ENDS = ("Refused", "Unavailable", "Failed", "Crashed", "TimedOut")
SAYS = {
    "mlops: a run ended badly": (
        ENDS,
        "{{ flow_run.state.name }}: {{ flow_run.name }}",
        "{{ flow_run.state.message }}",
    ),
    "mlops: a person is asked": (
        ("Paused",),
        "Your approval, please: {{ flow_run.name }}",
        "It passed every gate and goes live when somebody says so. Open the run, look at its "
        "artifact “approval”, and press Resume.",
    ),
}


def follow_events(client: SyncPrefectClient, wanted: Wanted) -> Iterator[Change]:
    """Make the triggers of a deployment that was made."""
    if wanted.lacks:
        return
    deployment = client.read_deployment_by_name(wanted.name).id
    mine = list(wanted.automations(deployment))
    for each in mine:
        yield _make(client, each)
    yield from _remove(client, f"{wanted.name}: ", keep={each.name for each in mine})


def tell(client: SyncPrefectClient) -> Iterator[Change]:
    """Send what matters to a person by the block that is named, if one is."""
    variable = client.read_variable_by_name(VARIABLE)
    if variable is None:
        client.create_variable(VariableCreate(name=VARIABLE, value="", tags=["mlops"]))
    yield changed("variable", VARIABLE, is_there=variable is not None)
    name = os.environ.get(SETTING) or str(variable.value if variable else "")
    if not name:
        yield left_out("automation", "notifications", HOW)
        return
    block = _block(client, name)
    if block is None:
        yield left_out("automation", "notifications", f"there is no block {name}; {HOW}")
        return
    for title, (states, subject, body) in SAYS.items():
        yield _make(client, AutomationCore(
            name=title, trigger=_of_ours(states), actions=[_action(block, subject, body)],
        ))  # fmt: skip


def _of_ours(states: tuple[str, ...]) -> EventTrigger:
    """A run of a deployment with the tag mlops came to one of the states."""
    return EventTrigger(
        expect={f"prefect.flow-run.{state}" for state in states},
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related={"prefect.resource.id": "prefect.tag.mlops", "prefect.resource.role": "tag"},
        for_each={"prefect.resource.id"},
    )


def _action(block: BlockDocument, subject: str, body: str) -> ActionTypes:
    """Blocks that notify take a text; a webhook takes JSON."""
    link = "{{ flow_run|ui_url }}"
    if block.block_type and block.block_type.slug == "webhook":
        parts = {"subject": subject, "body": body, "url": link}
        payload = ", ".join(f'"{name}": {_as_json(text)}' for name, text in parts.items())
        return CallWebhook(block_document_id=block.id, payload=f"{{{payload}}}")
    return SendNotification(
        block_document_id=block.id, subject=subject, body=f"{body}\n\nLook: {link}"
    )


def _as_json(template: str) -> str:
    """The template's text as a string of JSON, whatever the message holds."""
    return f"{{% set text %}}{template}{{% endset %}}{{{{ text | tojson }}}}"


def _block(client: SyncPrefectClient, name: str) -> BlockDocument | None:
    kind, _, own = name.partition("/")
    try:
        return client.read_block_document_by_name(own, kind) if own else None
    except ObjectNotFound:
        return None


def _make(client: SyncPrefectClient, wanted: AutomationCore) -> Change:
    """Make it, or change what is other; whether it is switched on is left alone."""
    found = _found(client, wanted.name)
    other = [
        name
        for name in ("description", "trigger", "actions")
        if found and getattr(found, name) != getattr(wanted, name)
    ]
    if found is None:
        client.create_automation(wanted)
    elif other:
        kept = wanted.model_copy(update={"enabled": found.enabled})
        client.update_automation(found.id, AutomationCore(
            **kept.model_dump(exclude={"owner_resource"})
        ))  # fmt: skip
    return changed("automation", wanted.name, is_there=found is not None, other=other)


def _found(client: SyncPrefectClient, name: str) -> Automation | None:
    return next(iter(client.read_automations_by_name(name)), None)


def _remove(client: SyncPrefectClient, prefix: str, keep: set[str]) -> Iterator[Change]:
    for each in client.read_automations(limit=200):
        is_ours = any(isinstance(action, RunDeployment) for action in each.actions)
        if is_ours and each.name.startswith(prefix) and each.name not in keep:
            client.delete_automation(each.id)
            yield Change("removed", "automation", each.name)
