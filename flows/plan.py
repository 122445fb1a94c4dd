"""plan: what a release would do, as text; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator

from flows import terminal
from flows.running import located, require_backend, require_name, settle
from model.config import TrainConfig
from tasks.foreseen import Call, Cost, Stage
from tasks.rules import Rules


def run_plan(
    data: str, name: str | None, backend: str, config: TrainConfig, rules: Rules, deploy: bool
) -> int:
    """Print what a release with these options would do."""
    uri = located(data, backend)
    require_name(name)
    require_backend(backend)
    settle()
    from tasks import backends
    from tasks.plan import foresee

    on = backends.choose(backend)
    found = foresee(on, uri, name, config, rules, deploy)
    console = terminal.console()
    console.print(f"a release of {uri} as {found.dataset.name} by the {backend} backend would:\n")
    lines = list(_stages(found.stages))
    if on.planner:
        lines += _calls(on.planner.calls(found)) + _costs(on.planner.costs(found))
    for line in lines:
        console.print(line, soft_wrap=True)
    return 0


def _stages(stages: tuple[Stage, ...]) -> Iterator[str]:
    for stage in stages:
        yield f"{stage.name:<9} {stage.would:<8} {stage.why}"


def _calls(calls: tuple[Call, ...]) -> list[str]:
    lines = [f"  {call.method:<6} {call.url}\n         {call.why}" for call in calls]
    return ["\nand make these calls that change something:\n", *lines]


def _costs(costs: tuple[Cost, ...]) -> list[str]:
    lines = [f"  {cost.what}: {cost.amount:.2f} {cost.currency}  ({cost.sum})" for cost in costs]
    return ["\nand cost, by infra/prices.toml:\n", *(lines or ["  nothing: no run is started"])]
