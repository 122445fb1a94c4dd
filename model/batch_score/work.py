"""From a model and images to a table of scores: what the program does, in order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from model.batch_score.conclude import conclude, forget, scores_of
from model.batch_score.lacking import ask_for_what_it_takes
from model.batch_score.made import BAD, SCORES, Job, Made
from model.batch_score.options import Scoring
from model.batch_score.parts import Part, part_size, parts_of
from model.batch_score.place import BadPlace, Place, StorageFailed
from model.batch_score.scores import LAYOUT, SCORES_JSON, Scores
from model.batch_score.telling import Telling
from model.batch_score.there import PLACES, There
from model.batch_score.traffic import capture
from model.batch_score.unchanged import is_same, keep_apart
from model.folder import ModelFolder
from model.images import BadDataset, ImageSet, open_unlabelled
from model.table_chunks import stem_of

Say = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """
    What is to be scored, by what, into what.

    Attributes:
        version: what the model is called in the scores.
        capture: URI of captured traffic that gets a sample, if wanted.
        checked: digest of the data that is expected, if somebody knows.
    """

    model: Path
    data: str
    out: str
    scoring: Scoring
    version: str = ""
    capture: str | None = None
    checked: str | None = None


def work(asked: Asked, say: Say) -> Scores:
    """
    Score what is left to score; the same again changes nothing.

    Raises:
        NotInstalled, BadModelFolder, BadDataset, BadPlace: it says what cannot be used, and why.
        StorageFailed, WorkerDied: the same command goes on.
    """
    ask_for_what_it_takes(asked.scoring)
    folder, place = ModelFolder.read(asked.model), Place(asked.out)
    folder.verify()
    images = open_unlabelled(asked.data)
    keep_apart(asked.data, place)
    mark, digest = images.mark(), images.digest()
    if asked.checked not in (None, digest):
        raise BadDataset(f"{asked.data} changed: its digest was {str(asked.checked)[:12]}, and is "
                         f"{digest[:12]}")  # fmt: skip
    job = _job(asked, folder, place, digest)
    there = There.at(place)
    there.ask_for_room(
        job.key, place, replace=asked.scoring.replace, format=asked.scoring.format
    )  # fmt: skip
    if finished := there.finished(job.key):
        say(f"{place.uri} holds these scores already: {finished.said}")
        scores = finished
    else:
        dataset = {"uri": images.uri, "name": images.name, "digest": digest}
        made = _made(job, images, there, place, asked.scoring, say)
        if any(each.is_new for each in made) and not is_same(asked.data, mark, digest):
            forget(job.key, place)
            raise BadDataset(f"{asked.data} changed while it was scored: what was made of it is "
                             "removed; let it rest, and start again")  # fmt: skip
        scores = scores_of(job, dataset, made, len(images))
    scores = conclude(scores, place, asked.scoring, say)
    if asked.capture and (file := capture(scores, place, Place(asked.capture))):
        say(f"a sample for the monitor is in {asked.capture}/{file}")
    return scores


def _job(asked: Asked, folder: ModelFolder, place: Place, digest: str) -> Job:
    scoring, path = asked.scoring, Path(folder.path).resolve()
    # The paths of rows, and perhaps their splits, come from the name of a file that is alone.
    alone = stem_of(asked.data) if asked.data.endswith(".parquet") else ""
    whose = (LAYOUT, folder.digest, asked.version, digest, scoring.split, alone)
    key = hashlib.sha256("\0".join(map(str, whose)).encode()).hexdigest()[:16]
    # Workers of a cluster need not see the folder.
    model = str(path) if scoring.engine == "pool" else (path / "model.tflite").read_bytes()
    out = place.root if place.is_here else asked.out  # they may work elsewhere in the tree
    return Job(out, key, scoring.split, folder.labels, folder.shape, model, asked.version,
               folder.digest)  # fmt: skip


def _made(
    job: Job, images: ImageSet, there: There, place: Place, scoring: Scoring, say: Say
) -> list[Made]:
    """Every part, in order; those that lie there whole are left as they are."""
    if there.scores and there.scores.key == job.key:
        place.remove(SCORES_JSON)  # a file of a part is gone
    job = replace(job, is_next=bool(there.others(job.key)))
    folders = PLACES if job.is_next else (SCORES, BAD)
    for folder in folders:
        place.begin(folder)
        place.clear(folder)
    size = part_size(images, len(job.labels))
    parts = (
        replace(part, is_there=any(n in there.files for n in job.names(SCORES, part.number)))
        for part in parts_of(images, size)
    )
    telling, made = Telling(len(images), say), []
    try:
        with closing(_by_engine(job, parts, -(-len(images) // size), scoring)) as found:
            for each in found:
                made.append(each)
                telling.made(each)
    except BaseException:
        for folder in folders:  # of workers that were ended
            with suppress(BadPlace, StorageFailed):
                place.clear(folder)
        raise
    if telling.kept:
        say(f"{telling.kept} of {len(made)} parts were there, whole")
    return sorted(made, key=lambda each: each.number)


def _by_engine(
    job: Job, parts: Iterable[Part], count: int, scoring: Scoring
) -> Generator[Made, None, None]:
    if scoring.engine == "spark":
        from model.batch_score.on_spark import on_spark

        return on_spark(job, parts)
    from model.batch_score.pool import in_pool

    return in_pool(job, parts, workers=min(scoring.processes, count))
