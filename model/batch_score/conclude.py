"""The end of a scoring: all parts are there, so ``scores.json`` may say so."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

from model.batch_score.made import BAD, NEXT, SCORES, Job, Made
from model.batch_score.options import Scoring
from model.batch_score.place import Place, StorageFailed
from model.batch_score.scores import SCORES_JSON, File, ScoredPart, Scores, Totals
from model.batch_score.there import PLACES, There

MOVED_AT_ONCE = 8  # files, for a storage that has to copy them


def scores_of(job: Job, dataset: dict[str, str], made: list[Made], images: int) -> Scores:
    """
    What was made, in sum.

    Args:
        dataset: URI, name and digest.
        images: in the data set.
    """
    totals = Totals()
    for each in made:
        totals = totals.plus(each.summary)
    rows = sum(each.scores.rows for each in made)
    bad = sum(each.bad.rows for each in made if each.bad)
    if job.split is None and rows + bad != images:
        raise RuntimeError(f"{rows} + {bad} rows for {images} images")
    return Scores(
        key=job.key,
        model={"version": job.version, "digest": job.digest},
        dataset=dataset,
        split=job.split,
        labels=job.labels,
        images=rows + bad,
        rows=rows,
        bad=bad,
        totals=totals,
        parts=tuple(ScoredPart(each.scores, each.bad) for each in made),
        ended=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def conclude(scores: Scores, place: Place, scoring: Scoring, say: Callable[[str], None]) -> Scores:
    """
    Write the log of the Delta table, then ``scores.json``; then others may go.

    Raises:
        BadPlace: other scores came there meanwhile.
        StorageFailed: a file is gone.
    """
    there = There.at(place)
    if lost := [name for name, size in scores.files.items() if there.files.get(name) != size]:
        raise StorageFailed(f"{place.uri}/{lost[0]} is not there any more, or is not what was "
                            "written; the same command makes it anew")  # fmt: skip
    there.ask_for_room(scores.key, place, replace=scoring.replace, format=scoring.format)
    is_new = there.scores is None or there.scores.key != scores.key
    for folder in ("", *PLACES):
        place.clear(folder)
        if is_new and folder:
            place.settle(folder)
    told = replace(
        _in_place(scores, place), format="delta" if there.is_delta else scoring.format
    )  # fmt: skip
    if told.format == "delta":
        from model.batch_score.delta import write_logs

        write_logs(told, place)
        if there.scores and not is_new and not there.is_delta:
            say("they are a Delta table now")
    if there.scores != told:
        place.write(SCORES_JSON, told.to_json())
        place.settle("")
    _clean(told, place, say)
    return told


def _in_place(scores: Scores, place: Place) -> Scores:
    """With the names that files have once they need not wait for others to go."""
    waiting = [name for name in scores.files if f"/{NEXT}/" in name]
    if not waiting:
        return scores
    with ThreadPoolExecutor(MOVED_AT_ONCE) as pool:
        list(pool.map(lambda name: place.move(name, _final(name)), waiting))
    for folder in (SCORES, BAD):
        place.settle(folder)

    def named(file: File) -> File:
        return replace(file, name=_final(file.name))

    parts = [ScoredPart(named(each.scores), each.bad and named(each.bad)) for each in scores.parts]
    return replace(scores, parts=tuple(parts))


def _final(name: str) -> str:
    return name.replace(f"/{NEXT}/", "/")


def _clean(scores: Scores, place: Place, say: Callable[[str], None]) -> None:
    """Remove what is not of these scores: others, and what a run left that read an image worse."""
    there = There.at(place)
    for name in set(there.files) - set(scores.files):
        place.remove(name)
    for folder in (SCORES, BAD):
        place.end(f"{folder}/{NEXT}")
    if others := there.others(scores.key):
        say(f"{len(others)} files of other scores were removed")


def forget(key: str, place: Place) -> None:
    """Remove the parts of that key."""
    there = There.at(place)
    for name in sorted(set(there.files) - set(there.others(key))):
        place.remove(name)
