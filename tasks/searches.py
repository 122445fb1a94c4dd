"""
What a search for knobs proves, as frozen records beside those of a release.

    Dataset → TuningJob → TuningRun → Tuned
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from model.config import TrainConfig
from model.tune.result import Result, TrialResult
from model.tune.space import SPACE, Search
from tasks.digests import digest_of
from tasks.records import Dataset


@dataclass(frozen=True)
class TuningJob:
    """All that decides which trials a search makes; of nothing that goes live it proves a thing."""

    dataset: Dataset
    config: TrainConfig
    search: Search
    code: str
    lock: str
    commit: str | None = None

    @property
    def token(self) -> str:
        """Names the search: more trials, or more time, make the same one go on."""
        knobs = {name: repr(SPACE[name]) for name in self.search.knobs}
        inputs = (self.dataset.digest, self.code, self.lock, self.config.model_dump(), knobs)
        return digest_of(inputs)[:32]


@dataclass(frozen=True)
class TuningRun:
    """A search that was submitted: running, ended, or to be found again by its token."""

    token: str
    job: TuningJob
    folder: Path


@dataclass(frozen=True)
class Tuned:
    """A search that ended with a best trial; its configuration may be released."""

    run: TuningRun
    result: Result
    best: TrialResult
    folder: Path  # of the pictures, and of the configuration as JSON
