"""One part, from images to two files: what each worker does, in a pool or on Spark."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from typing import Any

from model.batch_score.answered import Shape, answer
from model.batch_score.parts import Part
from model.batch_score.place import Place
from model.batch_score.scores import File
from model.batch_score.tables import bad_table, note_of, scores_table, to_parquet
from model.scorer import Scorer

SCORES, BAD = "scores", "bad"  # folders of the two tables
NEXT = "_next"  # in each of them, what shall take the place of others: readers pass over such names


@dataclass(frozen=True)
class Job:
    """
    All that a worker needs to know, small enough to be sent with each part.

    Attributes:
        out: URI of the place.
        key: of model, data set, split and layout; a part of the name of each file.
        labels: classes, in the order of the model's answers.
        shape: (height, width, channels) of what the network takes.
        model: its folder, where workers reach it; else the bytes of ``model.tflite``.
        is_next: other scores lie there, which these shall replace once they are complete.
    """

    out: str
    key: str
    split: str | None
    labels: tuple[str, ...]
    shape: Shape
    model: str | bytes = field(repr=False)
    version: str
    digest: str
    is_next: bool = False

    def file(self, folder: str, number: int) -> str:
        """The name that a part's file in one of the two folders is written under."""
        return self.names(folder, number)[self.is_next]

    def names(self, folder: str, number: int) -> tuple[str, str]:
        """The name that it has in the end, and the one while others are still there."""
        name = f"part-{number:05d}-{self.key}.parquet"
        return f"{folder}/{name}", f"{folder}/{NEXT}/{name}"


@dataclass(frozen=True)
class Made:
    """
    A part that is there, whole.

    Attributes:
        bad: the file of images that could not be scored, if there is one of them.
        summary: what was counted: see ``Answered.summary``.
    """

    number: int
    images: int
    scores: File
    bad: File | None
    summary: dict[str, Any]
    is_new: bool


def make_part(job: Job, part: Part) -> Made:
    """
    Score the images of ``part`` and write them, unless they were before: equal bytes each time.

    The file of bad images comes first, so that where scores are, all is.

    Raises:
        BadDataset: the images cannot be read; the message says where.
        BadPlace, StorageFailed: the files cannot be written.
    """
    place = Place(job.out)
    if part.is_there and (made := made_before(job, part, place)):
        return made
    images = part.read(job.split)
    found = answer(_scorer(job), images, job.shape, len(job.labels))
    note: dict[str, Any] = {"key": job.key, "number": part.number}
    bad = None
    if found.bad:
        data = to_parquet(bad_table(found.bad), note)
        bad = _written(place, job.file(BAD, part.number), data, len(found.bad))
    table = scores_table(found, job.labels, {"version": job.version, "digest": job.digest})
    summary = found.summary(job.labels)
    data = to_parquet(table, {**note, "bad": len(found.bad), "summary": summary})
    scores = _written(place, job.file(SCORES, part.number), data, table.num_rows)
    return Made(part.number, part.images, scores, bad, summary, is_new=True)


def made_before(job: Job, part: Part, place: Place) -> Made | None:
    """The part as an earlier run left it; ``None`` if a file of it is missing, or is not whole."""
    scores = _whole(job, place, SCORES, part.number)
    if scores is None:
        return None
    file, note = scores
    bad = _whole(job, place, BAD, part.number) if note["bad"] else None
    rows = file.rows + (bad[0].rows if bad else 0)
    if (bad[0].rows if bad else 0) != note["bad"] or (not job.split and rows != part.images):
        return None
    return Made(
        part.number, part.images, file, bad[0] if bad else None, note["summary"], is_new=False
    )  # fmt: skip


def _whole(job: Job, place: Place, folder: str, number: int) -> tuple[File, dict[str, Any]] | None:
    """A file of that part and its note, if it is whole and what its name says."""
    for name in job.names(folder, number):
        data = place.read(name)
        found = note_of(data)
        if data is None or found is None:
            continue
        note, rows = found
        if (note.get("key"), note.get("number")) == (job.key, number):
            return _described(name, data, rows), note
    return None


@functools.lru_cache(maxsize=1)
def _scorer(job: Job) -> Scorer:
    """One interpreter a process, for all of its parts."""
    return Scorer(job.model)


def _written(place: Place, name: str, data: bytes, rows: int) -> File:
    place.write(name, data)
    return _described(name, data, rows)


def _described(name: str, data: bytes, rows: int) -> File:
    return File(name, rows, len(data), hashlib.sha256(data).hexdigest())
