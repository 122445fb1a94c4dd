"""
What each step proves, as frozen records.

A step asks for the record of the step before it, so a step out of order does not type-check:

    CheckedDataset + GatePass → TrainingJob → TrainingRun → Candidate
                                         → Approved → ModelVersion → Deployment
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from model.config import TrainConfig
from tasks.digests import digest_of


@dataclass(frozen=True)
class Dataset:
    """Images that were found, and the digest of their content; nothing of their quality."""

    uri: str
    name: str
    digest: str
    kind: str
    images: int
    labels: tuple[str, ...]


@dataclass(frozen=True)
class CheckedDataset:
    """A data set that passed its checks; the folder ``report`` has facts and Data Docs."""

    dataset: Dataset
    key: str
    report: Path
    checks: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Code:
    """What code this is: the commit where there is one, and always the digest of the tree."""

    commit: str | None
    is_dirty: bool
    digest: str

    @property
    def revision(self) -> str:
        """The commit, marked if the tree has changes beside it; "none" where there is no git."""
        return f"{self.commit}{'-dirty' if self.is_dirty else ''}" if self.commit else "none"

    def __str__(self) -> str:
        if self.commit is None:
            return f"tree {self.digest[:7]}"
        return f"{self.commit[:7]}{' + changes' if self.is_dirty else ''}"


@dataclass(frozen=True)
class GatePass:
    """The unit tests marked ``gate`` passed on exactly this code."""

    code: Code
    tests: int
    seconds: float
    report: Path


@dataclass(frozen=True)
class TrainingJob:
    """All that decides what a training run computes."""

    checked: CheckedDataset
    gate: GatePass
    config: TrainConfig
    model_code: str
    lock: str

    @property
    def token(self) -> str:
        """Idempotency token: the same inputs name the same run, however often it is submitted."""
        inputs = (self.checked.dataset.digest, self.model_code, self.lock, self.config.model_dump())
        return digest_of(inputs)[:32]


@dataclass(frozen=True)
class TrainingRun:
    """A training run that was submitted: running, ended, or to be found again by its token."""

    token: str
    job: TrainingJob
    folder: Path
    number: str = field(default="", compare=False)  # as the trainer itself names it, if it does


@dataclass(frozen=True)
class Candidate:
    """A trained model that nobody has approved yet; ``tracking_page`` shows its MLflow run."""

    run: TrainingRun
    folder: Path
    digest: str
    test_digest: str
    accuracy: float
    tracking_run: str | None = None
    tracking_page: str | None = None

    @property
    def dataset_uri(self) -> str:
        return self.run.job.checked.dataset.uri


@dataclass(frozen=True)
class Promotion:
    """
    A version that serves in one environment and that somebody wants in another one.

    Attributes:
        source: backend and environment where it serves.
        image: digest of the container image that serves there; the same one shall serve.
    """

    version: ModelVersion
    source: str
    image: str
    approved_by: str
    why: str = ""

    @property
    def digest(self) -> str:
        return self.version.digest

    @property
    def folder(self) -> Path:
        return self.version.folder

    @property
    def test_digest(self) -> str:
        return self.version.tags["test_digest"]

    @property
    def accuracy(self) -> float:
        return float(self.version.tags["accuracy"])

    @property
    def dataset_uri(self) -> str:
        return self.version.tags["dataset_uri"]

    @property
    def tracking_run(self) -> None:
        """Its run belongs to where it was trained."""


Contender = Candidate | Promotion  # who asks to be the champion


@dataclass(frozen=True)
class Verdict:
    """The evaluation gate's answer, with every reason and every number behind it."""

    approved: bool
    reasons: tuple[str, ...]
    findings: tuple[tuple[str, str, str], ...]  # (measure, value, limit)
    champion: str | None = None  # digest of the model it was compared with
    key: str = ""


@dataclass(frozen=True)
class Decision:
    """A person's word, asked for in Prefect: who decided, and why."""

    by: str
    why: str


@dataclass(frozen=True)
class Approved:
    """
    Who asked to be the champion, with the verdict that lets it pass.

    Attributes:
        decision: that of a person, where one was asked.
    """

    candidate: Contender
    verdict: Verdict
    decision: Decision | None = None


@dataclass(frozen=True)
class ModelVersion:
    """A model in the registry: one number for one digest."""

    name: str
    number: int
    digest: str
    folder: Path
    tags: dict[str, str] = field(default_factory=dict)
    is_new: bool = False

    @property
    def dataset_digest(self) -> str | None:
        return self.tags.get("dataset_digest")


@dataclass(frozen=True)
class Deployment:
    """A version that serves, after its own service replayed known images rightly."""

    endpoint: str
    url: str
    version: int
    digest: str
    replayed: int
    max_gap: float
    identity: str
    example: str = ""  # a command that asks it about a known image
    image: str = ""  # digest of the container image, where there is one

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])
