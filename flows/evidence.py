"""One record a release: all that went in, all that was found, and the digests to check it by."""

from __future__ import annotations

import contextlib
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from prefect.runtime import flow_run
from pydantic import TypeAdapter

from model.batch_score.scores import SCORES_JSON
from tasks.digests import digest_of_file
from tasks.errors import Transient
from tasks.ports import Backend
from tasks.records import Candidate, CheckedDataset, Deployment, ModelVersion
from tasks.scorings import Scored
from tasks.step import say
from tasks.timeline import Timeline, timeline


@dataclass(frozen=True)
class Evidence:
    """What ``python -m flows verify`` can check again."""

    kind: str
    flow_run: str
    began: str
    ended: str
    outcome: str
    why: str
    steps: list[dict[str, Any]]
    digests: dict[str, str] = field(default_factory=dict)  # path or URI → digest
    python: str = sys.version.split()[0]
    platform: str = platform.platform()


ENDINGS = {"KeyboardInterrupt": "interrupted", "TerminationSignal": "cancelled"}


@contextlib.contextmanager
def evidence_of(kind: str, on: Backend) -> Iterator[None]:
    """Keep the evidence of what runs inside, however it ends."""
    began, outcome, why = _now(), "done", ""
    with timeline() as steps:
        try:
            yield
        except BaseException as error:
            name = type(error).__name__
            outcome, why = ENDINGS.get(name, name.lower()), str(error)
            raise
        finally:
            run = str(flow_run.id or "none")
            key = f"{began.replace(':', '').replace('-', '')[:15]}-{kind}-{run[:8]}"
            with _in_spite_of(outcome):
                made = Evidence(
                    kind, run, began, _now(), outcome, why, _steps(steps), _digests(steps)
                )
                on.ledger.keep("evidence", key, made)


@contextlib.contextmanager
def _in_spite_of(outcome: str) -> Iterator[None]:
    """What ended badly is told as it ended, also where its evidence could not be kept."""
    try:
        yield
    except (Transient, OSError) as error:
        if outcome == "done":
            raise
        say(f"no evidence was kept: {error}")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _steps(steps: Timeline) -> list[dict[str, Any]]:
    return [
        {
            "step": entry.step,
            "outcome": entry.outcome,
            "seconds": round(entry.seconds, 3),
            "why": entry.why,
            "record": _dump(entry.record),
        }
        for entry in steps.entries
    ]


def _dump(record: object) -> Any:
    return TypeAdapter(type(record)).dump_python(record, mode="json")


def _digests(steps: Timeline) -> dict[str, str]:
    """Every file and data set that a step speaks of, with its digest now."""
    found: dict[str, str] = {}
    for entry in steps.entries:
        record = entry.record
        if isinstance(record, CheckedDataset):
            found[f"dataset:{record.dataset.uri}"] = record.dataset.digest
            for file in (record.report / name for name in ("facts.parquet", "report.json")):
                if file.exists():  # facts that several machines found stay with them
                    found[str(file)] = digest_of_file(file)
        if isinstance(record, Candidate):
            found[f"model:{record.folder}"] = record.digest
        if isinstance(record, ModelVersion):
            found[f"version:{record.name}/{record.number}"] = record.digest
        if isinstance(record, Scored):
            found[f"images:{record.data}"] = record.dataset_digest
            if "://" not in record.out and not record.out.startswith("/Volumes/"):
                found[f"{record.out}/{SCORES_JSON}"] = record.scores_digest
        if isinstance(record, Deployment):
            found[f"endpoint:{record.url}"] = record.digest
    return found
