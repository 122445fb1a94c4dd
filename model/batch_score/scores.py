"""What a scoring leaves: ``scores.json``, written last, so its presence proves the rest."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

SCORES_JSON = "scores.json"
LAYOUT = 1  # of files and parts: another one is another key
TENTHS = 10  # of the confidence, that are counted
EXAMPLES = 20


@dataclass(frozen=True)
class File:
    """A file of one part; ``sha256`` of its bytes."""

    name: str
    rows: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Totals:
    """
    What was counted over all parts.

    Attributes:
        predicted: images by the class that was answered.
        tenths: images by the probability of that class, from [0, 0.1) on.
        labelled, right: images whose label is a class of the model, and those answered with it.
        problems: some images that could not be scored, and why.
    """

    predicted: dict[str, int] = field(default_factory=dict)
    tenths: tuple[int, ...] = (0,) * TENTHS
    labelled: int = 0
    right: int = 0
    problems: tuple[tuple[str, str], ...] = ()

    def plus(self, summary: dict[str, Any]) -> Totals:
        """With the summary of one more part."""
        counted = Counter(self.predicted) + Counter(summary["predicted"])
        tenths = zip(self.tenths, summary["tenths"], strict=True)
        more = tuple((path, problem) for path, problem in summary["problems"])
        return Totals(
            dict(counted),
            tuple(mine + its for mine, its in tenths),
            self.labelled + summary["labelled"],
            self.right + summary["right"],
            (*self.problems, *more)[:EXAMPLES],
        )


@dataclass(frozen=True)
class ScoredPart:
    """Files of one part; ``bad`` only where images could not be scored."""

    scores: File
    bad: File | None = None


@dataclass(frozen=True)
class Scores:
    """
    All images of a data set, or of one split, with the answers of one model.

    Attributes:
        key: in the name of each file; another model, data set or split has another.
        model: version and digest.
        dataset: URI, name and digest.
        labels: classes, in the order of the probabilities.
        images: ``rows`` with an answer, and ``bad`` ones without.
        ended: UTC, ISO 8601.
    """

    key: str
    model: dict[str, str]
    dataset: dict[str, str]
    split: str | None
    labels: tuple[str, ...]
    images: int
    rows: int
    bad: int
    totals: Totals
    parts: tuple[ScoredPart, ...]
    ended: str
    format: str = "parquet"
    layout: int = LAYOUT

    @property
    def files(self) -> dict[str, int]:
        """Name and size of each file."""
        files = (file for part in self.parts for file in (part.scores, part.bad))
        return {file.name: file.size_bytes for file in files if file}

    @property
    def said(self) -> str:
        """In a sentence."""
        without = f", {self.bad:,} could not be scored" if self.bad else ""
        return f"{self.rows:,} images scored{without}"

    def to_json(self) -> bytes:
        """As ``scores.json``."""
        told = TypeAdapter(Scores).dump_python(self, mode="json")
        return json.dumps(told, indent=1, ensure_ascii=False).encode()

    @classmethod
    def of(cls, data: bytes | None) -> Scores | None:
        """From ``scores.json``; ``None`` if there is none, or one of another layout."""
        try:
            found = TypeAdapter(cls).validate_json(data or b"")
        except ValidationError:
            return None
        return found if found.layout == LAYOUT else None
