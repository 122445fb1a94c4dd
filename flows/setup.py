"""setup: all that Prefect needs to know, made or brought up to date; twice changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx

from flows import terminal
from flows.changes import Change
from flows.cli import UsageError
from tasks.errors import Refused, Transient

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

KINDS = 11  # as wide as the longest kind of object


def run_setup(pools: tuple[str, ...]) -> int:
    """Set up the server that PREFECT_API_URL names; print what was made, changed, left alone."""
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        raise UsageError("PREFECT_API_URL names no server: set it to your own, or to a workspace "
                         "of Prefect Cloud (`make ui` sets up one of this machine)")  # fmt: skip
    console = terminal.console()
    done = []
    for each in set_up(pools):
        done.append(each)
        remark = f"  ({each.why})" if each.why else ""
        console.print(f"{each.did:>9}  {each.kind:<{KINDS}} {each.name}{remark}")
    count = sum(each.is_one for each in done)
    console.print(f"\n{count} of {len(done)} changed at {PREFECT_API_URL.value()}")
    return 0


def set_up(pools: tuple[str, ...] = ()) -> Iterator[Change]:
    """
    Make or change pools, deployments, triggers and notifications, one after the other.

    Args:
        pools: names of those to set up, with their deployments; all of them if none is named.

    Raises:
        UsageError: there is no such pool.
        Transient: the server does not answer.
        Refused: it does not take what is asked for.
    """
    from prefect.client.orchestration import get_client

    from flows.pools import TYPES

    if unknown := [name for name in pools if name not in TYPES]:
        raise UsageError(f"there is no work pool {unknown[0]}; there are: {', '.join(TYPES)}")
    try:
        with get_client(sync_client=True) as client:
            yield from _all(client, pools or tuple(TYPES))
    except httpx.HTTPStatusError as error:
        said = f"Prefect answers {error.response.status_code} to {error.request.method} " \
               f"{error.request.url}: {error.response.text}"  # fmt: skip
        raise (Transient if error.response.status_code >= 500 else Refused)(said) from error
    except httpx.TransportError as error:
        raise Transient(f"the Prefect API does not answer ({error!r})") from error


def _all(client: SyncPrefectClient, pools: tuple[str, ...]) -> Iterator[Change]:
    from flows.automations import follow_events, tell
    from flows.blocks import offer_blocks
    from flows.deployments import deploy, read_wanted
    from flows.pools import make_pool

    for pool in pools:
        yield from make_pool(client, pool)
    for each in read_wanted():
        if each.pool in pools:
            yield from deploy(client, each)
            yield from follow_events(client, each)
    yield from offer_blocks(client)
    yield from tell(client)
