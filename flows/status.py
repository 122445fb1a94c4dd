"""status and stop: what serves where. Nothing heavy is imported, so they answer at once."""

from __future__ import annotations

from datetime import UTC
from itertools import islice
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows import terminal
from flows.kept import Kept, newest_first
from tasks.backends.local.endpoints import Found, LoopbackEndpoints
from tasks.backends.local.ledger import FileLedger
from tasks.errors import Independent, Refused
from tasks.ports import endpoint_part
from tasks.state import home

if TYPE_CHECKING:
    from tasks.ports import Endpoints, Ledger

NEWEST = 5


def run_status(repair: bool, backend: str = "local") -> int:
    """Print endpoints and the newest releases; exit code 4 if an endpoint does not answer."""
    if backend != "local":
        from flows.overview import run_overview

        return run_overview(backend, repair)
    state, console = home(), terminal.console()
    endpoints = LoopbackEndpoints(state)
    if repair:
        repair_all(endpoints, FileLedger(state), console)
    found = endpoints.found()
    console.print(
        _endpoints(found) if found else "no endpoint was deployed; `python -m flows` does it"
    )
    if newest := [evidence for _, evidence in islice(newest_first(state), NEWEST)]:
        console.print(_releases(newest))
    lost = [each.name for each in found if each.deployment is None]
    if lost:
        console.print(
            f"what {', '.join(lost)} serves cannot be read in {state / 'endpoints'}; "
            "release it again: python -m flows release"
        )
    dead = [each.name for each in found if each.deployment and each.is_dead]
    if dead:
        console.print(
            f"{', '.join(dead)} does not answer; start it again: python -m flows status --repair"
        )
    return 4 if dead or lost else 0


def run_stop(name: str | None, backend: str = "local") -> int:
    """Stop one endpoint, or all of them."""
    if backend != "local":
        from flows.overview import run_stop_there

        return run_stop_there(name, backend)
    state, console = home(), terminal.console()
    stop_all(LoopbackEndpoints(state), FileLedger(state), name, console)
    return 0


def stop_all(endpoints: Endpoints, ledger: Ledger, name: str | None, console: Console) -> None:
    """Stop that endpoint, or every one, and say so."""
    known = endpoints.names()
    if name and name not in known:
        raise Refused(f"no endpoint {name!r}; there are: {', '.join(known) or 'none'}")
    for each in [name] if name else known:
        with ledger.exclusive("stop", console.print, part=endpoint_part(each)):
            was_alive = endpoints.stop(each)
        console.print(
            f"{each} {'stopped' if was_alive else 'did not run'}; its versions stay registered; a "
            "release or rollback starts it again"
        )
    if not known:
        console.print("no endpoint runs")


def repair_all(endpoints: Endpoints, ledger: Ledger, console: Console) -> None:
    """Let every endpoint be as it should; one that cannot be keeps none of the others from it."""
    each = Independent()
    for name in endpoints.names():
        with each.tried(), ledger.exclusive("repair", console.print, part=endpoint_part(name)):
            endpoints.repair(name, console.print)
    each.finish()


def _endpoints(found: list[Found]) -> Table:
    table = table_of("endpoint", "version", "model", "serves at", "process")
    for each in found:
        live = each.deployment
        if live is None:
            table.add_row(each.name, "", "", "", Text("unknown", "red"))
            continue
        process = str(each.pid) if each.pid else _absent(each)
        table.add_row(each.name, str(live.version), live.digest[:12], live.url, process)
    return table


def _absent(each: Found) -> Text:
    return Text("stopped") if each.is_stopped else Text("dead", "red")


def _releases(newest: list[Kept]) -> Table:
    table = table_of("ended", "what", "version", "outcome", "remark")
    for each in newest:
        colour = "green" if each.outcome == "done" else "red"
        table.add_row(
            f"{each.ended.astimezone(UTC):%Y-%m-%d %H:%M} UTC", each.kind,
            " ".join(each.version), Text(each.outcome, colour), terminal.headline(each.why),
        )  # fmt: skip
    return table


def table_of(*columns: str) -> Table:
    """A plain table with these columns."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")  # an address that is cut short is none
    return table
