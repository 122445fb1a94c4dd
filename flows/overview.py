"""status and stop of a backend whose endpoints are elsewhere: asked for, not looked up here."""

from __future__ import annotations

from rich.text import Text

from flows import terminal
from flows.running import require_backend, settle
from flows.status import repair_all, stop_all, table_of
from tasks import backends
from tasks.errors import Refused
from tasks.ports import Backend
from tasks.standing import Standing


def run_overview(backend: str, repair: bool) -> int:
    """Print what is live there, since when, why, and what it costs; 4 if one does not answer."""
    on, console = _chosen(backend), terminal.console()
    if on.overview is None:
        console.print(f"the {on.name} backend serves nothing: no registry of images is named")
        return 0
    if repair and on.endpoints:
        repair_all(on.endpoints, on.ledger, console)
    found = on.overview.standing()
    if not found:
        console.print("no endpoint was deployed; `python -m flows release` does it")
        return 0
    live = table_of("endpoint", "version", "model", "serves at", "since", "verdict", "answers")
    parts = table_of("part", "version", "state", "a day", "by infra/prices.toml")
    for each in found:
        live.add_row(*_row(each))
        costs = {cost.what: cost for cost in each.costs}
        for part in each.parts:
            cost = costs.get(part.name)
            parts.add_row(
                part.name, part.version, part.state,
                f"{cost.amount:.2f} {cost.currency}" if cost else "nothing",
                cost.sum if cost else "it does not run",
            )  # fmt: skip
    console.print(live)
    console.print(parts)
    dead = [
        each.endpoint
        for each in found
        if not each.is_answering and any(part.state != "Stopped" for part in each.parts)
    ]
    if dead:
        console.print(f"{', '.join(dead)} does not answer; `python -m flows status --backend "
                      f"{backend} --repair` sets right what can be")  # fmt: skip
    return 4 if dead else 0


def run_stop_there(name: str | None, backend: str) -> int:
    """Stop one endpoint there, or all of them."""
    on, console = _chosen(backend), terminal.console()
    if on.endpoints is None:
        raise Refused(f"the {on.name} backend serves nothing")
    stop_all(on.endpoints, on.ledger, name, console)
    return 0


def _chosen(backend: str) -> Backend:
    require_backend(backend)
    settle()
    return backends.choose(backend)


def _row(each: Standing) -> tuple[str | Text, ...]:
    answers = Text("yes", "green") if each.is_answering else Text("no", "red")
    return (
        each.endpoint, str(each.version or ""), each.digest[:12], each.url, each.since,
        each.evidence[:12], answers,
    )  # fmt: skip
