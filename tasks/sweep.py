"""sweep: end what nobody waits for any more, and let what died serve again."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from tasks.errors import Transient
from tasks.ports import (
    TUNING,
    Backend,
    checks_part,
    endpoint_part,
    is_awaited,
    scoring_part,
)
from tasks.step import Skipped, say, step


@dataclass(frozen=True)
class Swept:
    """What was found and set right: one sentence each."""

    said: tuple[str, ...]


@step(name="end-lost-runs", timeout_s=1800, run_name="end runs that nobody waits for")
def end_lost_runs(on: Backend) -> Swept | Skipped[Swept]:
    """End trainings, searches and scorings whose command is over; they go on when asked again."""
    runs = on.trainer.sweep(lambda token: is_awaited(on.ledger, token))
    said = [f"{runs} trainings ended that no release waited for"] if runs else []
    checks = on.datasets.sweep(lambda key: on.ledger.is_held(checks_part(key)))
    if checks:
        said.append(f"{checks} data checks ended that no release waited for")
    if on.tuner and not on.ledger.is_held(TUNING) and (searches := on.tuner.sweep(keep=None)):
        said.append(f"{searches} searches ended that no command waited for")
    if on.scorer and (
        scorings := on.scorer.sweep(lambda token: on.ledger.is_held(scoring_part(token)))
    ):
        said.append(f"{scorings} batch scorings ended that no command waited for")
    for line in said:
        say(line)
    return Swept(tuple(said)) if said else Skipped(Swept(()), "every run is waited for")


@step(name="repair-endpoint", timeout_s=1800, run_name="repair {name}")
def repair_endpoint(on: Backend, name: str) -> Swept | Skipped[Swept]:
    """Let the version that should serve serve again, and end what a crash left beside it."""
    said: list[str] = []

    def watch(line: str) -> None:
        said.append(line)
        say(line)

    if on.endpoints is None:
        return Skipped(Swept(()), f"the {on.name} backend serves nothing")
    with ExitStack() as alone:
        part = endpoint_part(name)
        try:
            alone.enter_context(on.ledger.exclusive("repair", lambda _: None, part, wait_s=0))
        except Transient:
            if not on.ledger.is_held(part):
                raise
            return Skipped(Swept(()), "a command is at work on it")
        on.endpoints.repair(name, watch)
    return Swept(tuple(said)) if said else Skipped(Swept(()), "nothing was to repair")
