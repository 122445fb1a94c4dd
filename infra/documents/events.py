"""docs/reference/events.md: what Prefect hears of us, and what it starts upon it (prefect.yaml)."""

from __future__ import annotations

import re
from typing import Any

import yaml

from infra.documents.places import MADE, ROOT, table

FILE = ROOT / "prefect.yaml"
MEANINGS = {
    "mlops.drift.detected": "[monitor](../monitoring.md) found drift that lasts, and a retraining "
    "may help. The payload has its evidence.",
    "mlops.data.arrived": "New images are there. You emit it, from whatever puts them there.",
}
PAYLOAD = re.compile(r"event\.payload\.(\w+)")
HEAD = f"""\
# Events, states and pages

{MADE}

What automations of Prefect can go by. [Operating](../operating.md#events) says how to emit one, and
how to be told.

## Events

The resource of each is an endpoint: `prefect.resource.id` is `mlops.endpoint.<backend>.<name>`, and
`mlops.backend` says `local`, `azure` or `azure:<environment>`.
"""
STATES = """\
## How runs end

A run of a flow, or of a step, ends in a state of Prefect; these names are ours:

| name | of type | means | exit code |
| --- | --- | --- | --- |
| *Completed* | completed | done | 0 |
| *Skipped* | completed | a step had nothing to do: its inputs are unchanged | |
| *Refused* | failed | a gate said no; the message has every reason | 3 |
| *Unavailable* | failed | infrastructure failed after retries | 4 |
| *Failed* | failed | a bug | 1 |

Prefect emits an event for each, such as `prefect.flow-run.Refused`, which an automation can expect.
"""


def events_page() -> str:
    """Events with what they start, then states."""
    found = list(triggers())
    rows = [
        (
            f"`{event}`",
            meaning,
            ", ".join(dict.fromkeys(f"`{each}`" for name, each, _ in found if name == event)),
            ", ".join(sorted({f"`{field}`" for name, _, field in found if name == event})),
        )
        for event, meaning in MEANINGS.items()
    ]
    events = table(("event", "means", "starts", "reads of its payload"), rows)
    return f"{HEAD}\n{events}\n\n{STATES}"


def triggers() -> list[tuple[str, str, str]]:
    """Each event with a deployment that it starts, and a field of its payload that this reads."""
    described: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    found = []
    for each in described["deployments"]:
        flow = each["entrypoint"].rpartition(":")[2]
        for trigger in each.get("triggers", []):
            fields = PAYLOAD.findall(str(trigger.get("parameters", {})))
            for event in trigger["expect"]:
                found += [(event, f"{flow}/{each['name']}", field) for field in fields]
    return found
