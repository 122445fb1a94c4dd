"""What a person sees in the terminal: lines while it works, a table at the end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tasks.records import Approved, CheckedDataset, Deployment, ModelVersion, Promotion
from tasks.scorings import Scored
from tasks.searches import Tuned
from tasks.timeline import Timeline

if TYPE_CHECKING:
    from tasks.monitor.records import Monitored

STEPS = {
    "approve-promotion": "approve",
    "validate-images": "validate",
    "pass-test-gate": "gate",
    "submit-training": "train",
    "await-training": "train",
    "evaluate-candidate": "evaluate",
    "approve-release": "approve",
    "register-model": "register",
    "deploy-model": "deploy",
    "crown-version": "crown",
    "submit-tuning": "tune",
    "await-tuning": "tune",
    "find-version": "version",
    "submit-scoring": "score",
    "await-scoring": "score",
    "end-lost-runs": "sweep",
    "repair-endpoint": "repair",
    "find-live-version": "find",
    "observe-traffic": "observe",
    "observe-service": "service",
    "conclude-drift": "conclude",
    "join-labels": "label",
}
COLOURS = {"done": "green", "skipped": "cyan", "refused": "red", "failed": "red"}


PLAIN_WIDTH = 120  # where the output is no terminal: a log, a pipe


def console() -> Console:
    """
    A console as wide as the terminal, if there is one.

    It prints text as it is: a path or a name may hold what Rich would take for a style, "[/]", or
    for a picture, ":x:". What is to be coloured is a ``Text``.
    """
    width = None if Console().is_terminal else PLAIN_WIDTH
    return Console(markup=False, emoji=False, highlight=False, width=width)


# By the verdict, or the reason, in full.
FOLLOWED = ("Finished in state", "Crash detected", "Task run failed with state")


class Lines(logging.Handler):
    """Prints what the steps say, each line with the step that says it."""

    def __init__(self, console: Console, command: str) -> None:
        super().__init__(logging.INFO)
        self._console, self._command = console, command

    def emit(self, record: logging.LogRecord) -> None:
        if not getattr(record, "mlops", False) and record.levelno < logging.WARNING:
            return
        if record.getMessage().startswith(FOLLOWED):
            return
        step = STEPS.get(getattr(record, "task_name", ""), self._command)
        self._console.print(f"{step:>9} │ {record.getMessage()}", soft_wrap=True)


def listen(console: Console, is_quiet: bool, command: str = "release") -> Callable[[], None]:
    """Take over the console lines of Prefect's run loggers; the returned call gives them back."""
    loggers = [logging.getLogger(f"prefect.{kind}_runs") for kind in ("flow", "task")]
    handler = Lines(console, command)
    before = []
    for logger in loggers:
        before.append((logger, logger.handlers[:]))
        logger.handlers = [h for h in logger.handlers if "Console" not in type(h).__name__]
        if not is_quiet:
            logger.addHandler(handler)
        logger.propagate = False

    def restore() -> None:
        for logger, handlers in before:
            logger.handlers = handlers

    return restore


def stages(steps: Timeline) -> Table:
    """The table of stages: verdict, seconds, skipped or run."""
    table = Table(title=None, box=None, pad_edge=False)
    for column in ("stage", "verdict", "seconds", "remark"):
        table.add_column(column, justify="right" if column == "seconds" else "left")
    order = list(STEPS)
    for entry in sorted(steps.entries, key=lambda entry: order.index(entry.step)):
        if entry.step.startswith("submit-") and entry.outcome == "done":
            continue
        colour = COLOURS[entry.outcome]
        remark = headline(entry.why) if entry.why else _remark(entry.record)
        table.add_row(
            STEPS[entry.step], Text(entry.outcome, colour), f"{entry.seconds:.1f}", remark
        )
    return table


def ending(console: Console, proof: Deployment | ModelVersion) -> None:
    """Where it serves and how to ask it; or which version was registered."""
    if isinstance(proof, ModelVersion):
        console.print(f"\nregistered {proof.name} version {proof.number}; nothing was deployed")
        return
    console.print(f"\n{proof.endpoint} version {proof.version} serves at {proof.url}")
    console.print(f"  page   {proof.url}/")
    console.print(f"  API    {proof.url}/docs")
    console.print(f"  try    {proof.example}", soft_wrap=True)


def tuned(console: Console, found: Tuned, is_quiet: bool) -> None:
    """The best trials, where the result lies, and the command that releases the best one."""
    from tasks.tune import COLUMNS, release_command, rows_of

    result = found.result
    if not is_quiet:
        table = Table(box=None, pad_edge=False)
        for column in (*COLUMNS, *[name.replace("_", " ") for name in result.knobs]):
            table.add_column(column)
        for row in rows_of(result):
            table.add_row(*map(str, row))
        console.print()
        console.print(table)
        console.print("" if result.is_whole else f"\n{result.said}; the same command goes on")
        console.print(f"  pictures  {found.folder}", soft_wrap=True)
        console.print(f"  config    {found.folder / 'best.json'}", soft_wrap=True)
    command = release_command(found.run.job, found.best)
    console.print(command, soft_wrap=True)


def scored(console: Console, found: Scored) -> None:
    """How many images, and where their answers lie."""
    from model.batch_score.report import PICTURE

    console.print(f"\n{found.said}")
    console.print(f"  scores    {found.out}/scores", soft_wrap=True)
    if found.bad:
        console.print(f"  bad       {found.out}/bad", soft_wrap=True)
    console.print(f"  picture   {found.report / PICTURE}", soft_wrap=True)


def monitored(console: Console, found: Monitored) -> None:
    """The verdict on the traffic, and where to look."""
    console.print(f"\n{found.endpoint} version {found.version}: {found.said}", soft_wrap=True)
    for trouble in found.troubles:
        console.print(f"  trouble   {trouble}", soft_wrap=True)
    console.print(f"  accuracy  {found.accuracy}", soft_wrap=True)
    console.print(f"  report    {found.report}", soft_wrap=True)


def headline(why: str) -> str:
    """The first thing that a message says: its first line, or what is listed below it."""
    lines = why.splitlines()
    if len(lines) > 1 and lines[0].endswith(":"):
        return lines[1].strip(" ·")
    return lines[0] if lines else ""


def _remark(record: object) -> str:
    if isinstance(record, Promotion):
        return f"version {record.version.number} of {record.source}, by {record.approved_by}"
    if isinstance(record, Approved) and record.decision:
        return f"by {record.decision.by}"
    if isinstance(record, CheckedDataset) and record.warnings:
        warned = len(record.warnings)
        return f"{record.checks - warned} checks passed, {warned} warned"
    for attribute, text in (
        ("said", "{}"),
        ("checks", "{} checks passed"),
        ("tests", "{} tests passed"),
        ("accuracy", "test accuracy {:.4f}"),
        ("number", "version {}"),
        ("replayed", "{} known images answered as at training time"),
    ):
        if hasattr(record, attribute):
            return text.format(getattr(record, attribute))
    return ""
