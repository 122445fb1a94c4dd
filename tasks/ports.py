"""
The one seam: what a backend must be able to do, as small protocols and a ledger.

``tests/contract`` runs the promises written here on every backend.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from data_checks.check import Reference, Report
from data_checks.limits import Limits
from model.batch_score.scores import Scores
from model.tune.result import Result
from tasks.foreseen import Call, Cost, Foreseen
from tasks.records import (
    Approved,
    Candidate,
    Dataset,
    Deployment,
    ModelVersion,
    TrainingJob,
    TrainingRun,
)
from tasks.scorings import ScoringJob, ScoringRun
from tasks.searches import TuningJob, TuningRun
from tasks.standing import Standing

if TYPE_CHECKING:
    import httpx
    import pyarrow as arrow

Record = TypeVar("Record")
Watch = Callable[[str], None]  # is told of progress, one line at a time


class Datasets(Protocol):
    """Images by URI, and the reports of their checks."""

    def identify(self, uri: str, name: str | None) -> Dataset:
        """Look at ``uri``, digest its content. Raises Refused: no images, no labels, unreadable."""

    def limits(self, dataset: Dataset) -> Limits:
        """The thresholds for this data set: the defaults, or those of the file beside it."""

    def check(
        self, dataset: Dataset, limits: Limits, reference: Reference | None, key: str, watch: Watch,
        workers: int = 1,
    ) -> Report:  # fmt: skip
        """
        Judge every image; the report and its pages stay in ``reports(key)``.

        Args:
            workers: machines that may look at images together; the report is the same.

        Raises:
            Refused: the images cannot be judged.
            Transient: what looked at them was lost.
        """

    def cancel(self) -> None:
        """End the checks that this process asked of other machines; repeating it does nothing."""

    def sweep(self, is_awaited: Callable[[str], bool]) -> int:
        """End checks on other machines whose key nobody waits for; return how many."""

    def reports(self, key: str) -> Path:
        """Folder of the report with that key."""


class Trainer(Protocol):
    """Runs ``python -m model.train`` somewhere."""

    def require(self, workers: int) -> None:
        """Starts nothing. Raises Refused: it could not start so many workers together."""

    def submit(self, job: TrainingJob) -> TrainingRun:
        """Start the run, or find the one with the same token again: it is never run twice."""

    def wait(self, run: TrainingRun, watch: Watch) -> Candidate:
        """Wait for the end. Starts nothing. Raises Transient (the run was lost) or Refused."""

    def known(self, job: TrainingJob) -> Candidate | None:
        """What a run of this job left here, if one ended well. Starts nothing, changes nothing."""

    def forget(self, job: TrainingJob) -> None:
        """Let the next ``submit`` of this job compute it again."""

    def cancel(self, job: TrainingJob) -> None:
        """End the run of this job if it runs; repeating it does nothing."""

    def sweep(self, is_awaited: Callable[[str], bool]) -> int:
        """End runs whose token nobody waits for; return how many."""


class Tuner(Protocol):
    """Runs ``python -m model.tune`` somewhere: many trainings in one program, none of them kept."""

    def submit(self, job: TuningJob) -> TuningRun:
        """Start the search, let it go on, or find it running: no trial is made twice."""

    def wait(self, run: TuningRun, watch: Watch) -> Result:
        """Wait for the end. Starts nothing. Raises Transient (the search was lost) or Refused."""

    def cancel(self, job: TuningJob) -> None:
        """End the search if it runs; what it found stays. Repeating it does nothing."""

    def sweep(self, keep: str | None) -> int:
        """End searches whose command is over, but the one with token ``keep``; say how many."""


class BatchScorer(Protocol):
    """Runs ``python -m model.batch_score`` somewhere."""

    def submit(self, job: ScoringJob) -> ScoringRun:
        """Start the run, let it go on, or find it running: no image gets two rows."""

    def wait(self, run: ScoringRun, watch: Watch) -> Scores:
        """Wait for the end. Starts nothing. Raises Transient (the run was lost) or Refused."""

    def cancel(self, job: ScoringJob) -> None:
        """End the run if it runs; finished parts stay. Repeating it does nothing."""

    def sweep(self, is_awaited: Callable[[str], bool]) -> int:
        """End runs whose token nobody waits for; return how many."""


class Registry(Protocol):
    """Numbered model versions, one for each digest, and who is champion."""

    def register(self, approved: Approved, name: str, tags: dict[str, str]) -> ModelVersion:
        """The version of this model: a new one, or the one that these bytes already have."""

    def champion(self, name: str) -> ModelVersion | None:
        """The version that serves, if any."""

    def previous(self, name: str) -> ModelVersion | None:
        """The version that served before the champion, if any."""

    def versions(self, name: str) -> list[ModelVersion]:
        """All versions, oldest first; their folders need not be on this machine."""

    def version(self, name: str, number: int) -> ModelVersion:
        """That version. Raises Refused, naming the versions there are."""

    def crown(self, version: ModelVersion) -> bool:
        """
        Make ``version`` the champion and the former champion the previous one; repeatable.

        Returns:
            Whether another was champion before, or none.
        """


class Endpoints(Protocol):
    """Stable addresses behind which versions change with no request lost."""

    def live(self, name: str) -> Deployment | None:
        """What answers at this endpoint now; ``None`` if nothing does."""

    def deploy(self, version: ModelVersion, port: int | None, watch: Watch) -> Deployment:
        """
        Boot, replay known images, switch. A failure leaves the former version serving.

        Raises:
            Refused: the service answered known images otherwise than at training time.
            Transient: it did not start, or the port is held by something else.
        """

    def names(self) -> list[str]:
        """Of all endpoints that were deployed, also those that are stopped."""

    def stop(self, name: str) -> bool:
        """Stop the endpoint; say whether there was something to stop."""

    def repair(self, name: str, watch: Watch) -> None:
        """Let what should serve serve again if it died, and end what a crash left beside it."""


class Traffic(Protocol):
    """What services kept of the images that they answered, as ``model/serve/capture.py`` has it."""

    def fetch(self, name: str, watch: Watch) -> None:
        """Bring what services wrote since last time to where it is read."""

    def files(self, name: str) -> list[str]:
        """Names of the Parquet files of an endpoint; each is whole, and never changes."""

    def read(self, name: str, file: str, columns: Sequence[str]) -> arrow.Table | None:
        """Those columns of a file; ``None`` if it is gone (the oldest go) or cannot be read."""

    def asking(self, url: str) -> httpx.Client:
        """A client that the service at ``url`` lets ask what it counted."""


class Overview(Protocol):
    """Looks at endpoints that are elsewhere."""

    def standing(self) -> list[Standing]:
        """Every endpoint, with what it costs."""


class Planner(Protocol):
    """Says what a release would ask of services that are paid for. Asks only, changes nothing."""

    def calls(self, foreseen: Foreseen) -> tuple[Call, ...]:
        """The calls that would change something, in their order."""

    def costs(self, foreseen: Foreseen) -> tuple[Cost, ...]:
        """What would be paid for, by the price table."""


class Ledger(Protocol):
    """What earlier stages found, by the digest of their inputs."""

    def recall(self, stage: str, key: str, kind: type[Record]) -> Record | None:
        """The record kept under that key; ``None`` if there is none, or only half of one."""

    def keep(self, stage: str, key: str, record: object) -> None:
        """Keep a record; whole or not at all, also if the process is killed here."""

    def room(self, stage: str, key: str) -> Path:
        """A folder of this machine for the files of that stage and key."""

    def exclusive(
        self, what: str, watch: Watch, part: str | None = None, wait_s: float | None = None
    ) -> AbstractContextManager[None]:
        """
        Let one command at a time change things, or one ``part`` of them.

        Args:
            wait_s: for the one before; by default as long as a release takes.

        Raises:
            Transient: another is still at work.
        """

    def is_held(self, part: str) -> bool:
        """Is a command at work on that part?"""


TUNING = "tune"  # the part that a search for knobs holds


def endpoint_part(name: str) -> str:
    """The part that whoever changes this endpoint holds: others may be changed meanwhile."""
    return f"endpoints/{name}"


def release_part(name: str) -> str:
    """The part that a release holds from its first gate on; its endpoint may change meanwhile."""
    return f"releases/{name}"


def training_part(token: str) -> str:
    """The part that whoever waits for this training run holds."""
    return f"train/{token}"


def checks_part(key: str) -> str:
    """The part that whoever has images judged holds."""
    return f"validate/{key}"


def scoring_part(token: str) -> str:
    """The part that whoever waits for this batch scoring holds."""
    return f"score/{token}"


def is_awaited(ledger: Ledger, token: str) -> bool:
    """Does a release wait for the training run with that token?"""
    return ledger.is_held(training_part(token))


@dataclass(frozen=True)
class Backend:
    """The parts of one backend, chosen together in ``tasks.backends.choose``."""

    name: str
    datasets: Datasets
    trainer: Trainer
    registry: Registry
    ledger: Ledger
    tuner: Tuner | None = None  # none: searches run elsewhere
    scorer: BatchScorer | None = None  # none: images are scored in batches elsewhere
    endpoints: Endpoints | None = None  # none: it registers, and others serve
    traffic: Traffic | None = None  # none: what was captured cannot be had from here
    overview: Overview | None = None  # none: its endpoints are processes of this machine
    planner: Planner | None = None  # none: nothing leaves this machine, nothing is paid for
