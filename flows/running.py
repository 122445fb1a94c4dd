"""The commands that run a flow, and what they print."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from data_checks.drift.rules import DriftRules
from flows import terminal
from flows.cli import UsageError
from model.batch_score.options import Scoring
from model.config import TrainConfig
from model.tune.space import BadSpace, Search, chosen
from tasks import backends
from tasks.errors import Refused
from tasks.rules import Rules
from tasks.state import CHECKOUT, home, require_space
from tasks.timeline import timeline

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}


def run_release(
    data: str,
    name: str | None,
    backend: str,
    config: TrainConfig,
    rules: Rules,
    deploy: bool,
    force: bool,
    port: int | None,
    quiet: bool,
) -> int:
    """Release ``data`` and print what became of it."""
    uri = located(data, backend)
    require_name(name)
    require_backend(backend)
    console = _prepare(quiet)
    with _shown(console, quiet, backend):
        from flows.release import release

        proof = release(uri, name, backend, config, rules, deploy, force, port)
    terminal.ending(console, proof)
    return 0


def run_tune(
    data: str, name: str | None, backend: str, config: TrainConfig, search: Search, quiet: bool
) -> int:
    """Search for knobs and print the best trials, and how to release the best one."""
    uri, named = located(data), search.over(config)
    require_name(name)
    require_backend(backend)
    try:
        chosen(named.knobs)
    except BadSpace as error:
        raise UsageError(str(error)) from error
    console = _prepare(quiet, "tune")
    with _shown(console, quiet, backend, "tune"):
        from flows.tune import tune

        found = tune(uri, name, backend, config, named)
    terminal.tuned(console, found, quiet)
    return 0


def run_score(
    data: str,
    out: str,
    name: str | None,
    version: int | None,
    backend: str,
    scoring: Scoring,
    capture: bool,
    quiet: bool,
) -> int:
    """Let a version answer many images and print where the answers are."""
    require_backend(backend)
    require_name(name)
    uri, place = located(data, backend), placed(out, backend)
    console = _prepare(quiet, "score")
    chosen = name or _only_endpoint(backend)
    with _shown(console, quiet, backend, "score"):
        from flows.score import score

        found = score(uri, place, chosen, version, backend, scoring, capture)
    terminal.scored(console, found)
    return 0


def run_rollback(name: str | None, to: int | None, backend: str, quiet: bool) -> int:
    """Roll the endpoint back and print what serves now."""
    require_backend(backend)
    require_name(name)
    console = _prepare(quiet, "rollback")
    chosen = name or _only_endpoint(backend)
    with _shown(console, quiet, backend, "rollback"):
        from flows.rollback import rollback

        deployment = rollback(chosen, to, backend)
    terminal.ending(console, deployment)
    return 0


def run_promote(
    name: str | None, source: str, target: str, by: str | None, why: str, rules: Rules, quiet: bool
) -> int:
    """Let what serves in one environment serve in another one, and print what serves now."""
    here, there = f"azure:{source}", f"azure:{target}"
    for backend in (here, there):
        require_backend(backend)
    require_name(name)
    if source == target:
        raise UsageError(f"--from and --to are both {source}; a promotion needs two environments")
    if not by:
        raise UsageError(f"a promotion to {target} is a person's decision: say whose by "
                         "--approved-by NAME, and the reason by --why TEXT")  # fmt: skip
    console = _prepare(quiet, "promote")
    chosen = name or _only_endpoint(here)
    with _shown(console, quiet, here, "promote"):
        from flows.promote import promote

        deployment = promote(chosen, here, there, by, why, rules)
    terminal.ending(console, deployment)
    return 0


def run_monitor(name: str | None, backend: str, rules: DriftRules, quiet: bool) -> int:
    """Judge the traffic since last time and print the verdict."""
    require_backend(backend)
    console = _prepare(quiet, "monitor")
    with _shown(console, quiet, backend, "monitor"):
        from flows.monitor import monitor

        found = monitor(name, backend, rules)
    for each in found:
        terminal.monitored(console, each)
    if not found:
        console.print("no endpoint was deployed; `python -m flows` does it")
    return 0


def run_label(file: Path, name: str | None, backend: str, quiet: bool) -> int:
    """Join true labels with captured traffic and print the live accuracy."""
    require_backend(backend)
    if not file.is_file():
        raise UsageError(f"{file} does not exist; give a CSV or Parquet file of labels")
    console = _prepare(quiet, "label")
    with _shown(console, quiet, backend, "label"):
        from flows.monitor import label

        joined = label(file.resolve(), name, backend)
    console.print(f"\n{joined.endpoint}: {joined.said}", soft_wrap=True)
    return 0


def settle() -> None:
    """Keep libraries quiet, and see that there is room for what they write."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    require_space(home())


def _prepare(quiet: bool, what: str = "release") -> Console:
    settle()
    console = terminal.console()
    if not quiet:
        console.print(f"{what:>9} │ starting")
    return console


@contextlib.contextmanager
def _shown(console: Console, quiet: bool, backend: str, what: str = "release") -> Iterator[None]:
    """A Prefect API for the flow inside; what its steps say is printed, and at the end a table."""
    from flows.server import prefect_api

    warm_up = functools.partial(_warm_up, backend)
    with prefect_api(home(), meanwhile=warm_up), timeline() as steps:
        importlib.import_module("prefect.main")  # sets the loggers up that we take over
        restore = terminal.listen(console, quiet, what)
        try:
            yield
        finally:
            restore()
            if steps.entries and not quiet:
                console.print()
                console.print(terminal.stages(steps))


def _warm_up(backend: str) -> None:
    """Do what takes seconds and every command needs: imports, and the registry's database."""
    if backends.parted(backend)[0] == "local":
        from tasks.backends.local.registry import MlflowRegistry

        MlflowRegistry(home()).names()
    else:
        importlib.import_module("flows.rollback")  # Prefect, and the steps of every flow
        with contextlib.suppress(Refused):  # the flow says it
            backends.choose(backend)


def located(data: str, backend: str = "local") -> str:
    """A path as seen from here, else from the checkout (the bundled sample)."""
    if "://" in data or (backend != "local" and data.startswith("/Volumes/")):
        return data
    for base in (Path.cwd(), CHECKOUT):
        if (base / data).exists():
            return str((base / data).resolve())
    raise UsageError(f"--data {data} does not exist; give a folder or a Parquet file of images")


def placed(out: str, backend: str = "local") -> str:
    """A place that need not exist: a path as seen from here, or a URL."""
    if "://" in out or (backend != "local" and out.startswith("/Volumes/")):
        return out
    return str((Path.cwd() / out).resolve())


def require_name(name: str | None) -> None:
    """A name becomes a folder, a model in MLflow and a header of HTTP: plain signs only."""
    if name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}", name):
        raise UsageError(
            f"--name {name!r} cannot be used; take letters, digits, spaces, dots, dashes and "
            "underscores, at most 63, with a letter or digit first"
        )


def require_backend(backend: str) -> None:
    """Refuse a backend that does not exist, before anything is imported."""
    try:
        backends.parted(backend)
    except Refused as error:
        raise UsageError(str(error)) from error


def _only_endpoint(backend: str) -> str:
    endpoints = backends.choose(backend).endpoints
    names = endpoints.names() if endpoints else []
    if len(names) == 1:
        return names[0]
    listed = ", ".join(names) or "none"
    raise Refused(f"say which endpoint by --name; there are: {listed}")
