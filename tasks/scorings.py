"""
What a batch scoring proves, as frozen records beside those of a release.

    ModelVersion → ScoringJob → ScoringRun → Scored
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from model.batch_score.options import Scoring
from model.batch_score.scores import Scores
from tasks.digests import digest_of
from tasks.records import ModelVersion


@dataclass(frozen=True)
class ScoringJob:
    """
    Images to be answered by a version, and where the answers go.

    Attributes:
        is_captured: a sample of the answers goes to the drift monitor, as traffic.
    """

    data: str
    out: str
    version: ModelVersion
    scoring: Scoring
    is_captured: bool = False

    @property
    def token(self) -> str:
        """Names the place of the answers: one scoring at a time writes there."""
        return token_of(self.out)


@dataclass(frozen=True)
class ScoringRun:
    """A scoring that was submitted: running, ended, or to be found again by its token."""

    token: str
    job: ScoringJob
    folder: Path
    number: str = field(default="", compare=False)  # as whoever runs it names it, if it does


@dataclass(frozen=True)
class Scored:
    """Images that were scored, each once: in how many rows, and the digest of what says so."""

    data: str
    dataset_digest: str
    out: str
    model: str
    version: int
    model_digest: str
    images: int
    rows: int
    bad: int
    parts: int
    scores_digest: str
    report: Path

    @property
    def said(self) -> str:
        """In a sentence."""
        without = f", {self.bad:,} could not be scored" if self.bad else ""
        return f"{self.rows:,} images scored by version {self.version}{without}"


def token_of(out: str) -> str:
    """The token of every scoring into that place."""
    return digest_of((out.rstrip("/"),))[:32]


def scored_of(run: ScoringRun, scores: Scores, report: Path, digest: str) -> Scored:
    """What is kept of a scoring that ended; ``digest`` is that of ``scores.json``."""
    job = run.job
    return Scored(
        job.data, scores.dataset["digest"], job.out, job.version.name, job.version.number,
        scores.model["digest"], scores.images, scores.rows, scores.bad, len(scores.parts),
        digest, report,
    )  # fmt: skip
