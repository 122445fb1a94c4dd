"""What lies in the place of the scores before anything is written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from model.batch_score.made import BAD, NEXT, SCORES
from model.batch_score.place import BadPlace, Place
from model.batch_score.scores import SCORES_JSON, Scores

DELTA_LOG = "_delta_log"
PLACES = (SCORES, BAD, f"{SCORES}/{NEXT}", f"{BAD}/{NEXT}")  # of files of parts
NAMED = re.compile(r"part-\d{5,}-(?P<key>[0-9a-f]{16})\.parquet")


@dataclass(frozen=True)
class There:
    """
    Files of this program.

    Attributes:
        files: of parts, also of those that wait for others to go: name and size.
        scores: what ``scores.json`` tells, if it is whole.
        is_delta: the scores are a Delta table.
    """

    files: dict[str, int]
    scores: Scores | None
    is_delta: bool

    @classmethod
    def at(cls, place: Place) -> There:
        """Look. Raises BadPlace, StorageFailed."""
        files = {
            f"{folder}/{name}": size
            for folder in PLACES
            for name, size in place.names(folder).items()
            if NAMED.fullmatch(name)
        }
        scores = Scores.of(place.read(SCORES_JSON))
        return cls(files, scores, bool(place.names(f"{SCORES}/{DELTA_LOG}")))

    def others(self, key: str) -> list[str]:
        """Files of parts that belong to other scores."""
        return sorted(name for name in self.files if f"-{key}." not in name)

    def finished(self, key: str) -> Scores | None:
        """The scores of that key, if they are complete and each file is there."""
        if self.scores is None or self.scores.key != key:
            return None
        sizes = self.scores.files
        return self.scores if {name: self.files.get(name) for name in sizes} == sizes else None

    def ask_for_room(self, key: str, place: Place, *, replace: bool, format: str) -> None:
        """Raises BadPlace: other scores lie there, and nobody said that they may go."""
        if self.is_delta and format != "delta" and not self.finished(key):
            raise BadPlace(f"{place.uri} is a Delta table: score into it with --format delta, or "
                           "into another folder")  # fmt: skip
        others = self.others(key)
        if (others or (self.scores and self.scores.key != key)) and not replace:
            raise BadPlace(f"{place.uri} holds other scores, {self._whose(others)}: give another "
                           "--out, or let these take their place with --replace")  # fmt: skip

    def _whose(self, others: list[str]) -> str:
        if self.scores is None:
            return f"unfinished ones ({len(others)} files of another model, data set or split)"
        model, dataset = self.scores.model, self.scores.dataset
        named = model["version"]
        version = f"version {named}" if named else f"model {model['digest'][:12]}"
        return (f"of {version} and {dataset['uri']} (digest {dataset['digest'][:12]}) as of "
                f"{self.scores.ended}")  # fmt: skip
