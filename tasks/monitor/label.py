"""label: true labels that came later, joined with what was answered then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data_checks.drift.accuracy import LiveAccuracy, live_accuracy
from data_checks.drift.rules import DriftRules
from model.folder import ModelFolder
from tasks.errors import Refused
from tasks.monitor.captured import rows_of
from tasks.monitor.records import Joined, Labelled, LabelledImage, Watched
from tasks.monitor.watch import traffic_of
from tasks.ports import Backend, Watch
from tasks.step import say, step

if TYPE_CHECKING:
    import pandas as pd

LABELS = "labels"  # where the ledger keeps them
MOST_KEPT = 20_000
Key = tuple[str, int]  # id of the request, place of the image in it


@step(name="join-labels", timeout_s=3600, run_name="labels of {watched.name}")
def join_labels(on: Backend, watched: Watched, file: Path, rules: DriftRules) -> Joined:
    """
    Keep each label whose image was captured; the same file twice changes nothing.

    Raises:
        Refused: the file is no table of labels.
    """
    return joined(on, watched, file, rules, say)


def joined(on: Backend, watched: Watched, file: Path, rules: DriftRules, watch: Watch) -> Joined:
    """The same, outside of Prefect."""
    given = read_labels(file)
    found = _captured(on, watched.name, given, watch)
    before = labelled(on, watched.name)
    kept = {(each.request_id, each.at): each for each in (*before.images, *found)}
    newest = sorted(kept.values(), key=lambda each: each.time)[-MOST_KEPT:]
    after = Labelled(tuple(newest))
    on.ledger.keep(LABELS, watched.name, after)
    accuracy = accuracy_of(after, watched, rules)
    answer = Joined(watched.name, watched.version.number, len(given), len(found), accuracy)
    watch(answer.said)
    if len(found) < len(given):
        watch("the others were not captured (a service keeps a sample), or are gone by now")
    return answer


def labelled(on: Backend, name: str) -> Labelled:
    """The images of that endpoint whose label is known by now."""
    return on.ledger.recall(LABELS, name, Labelled) or Labelled()


def accuracy_of(known: Labelled, watched: Watched, rules: DriftRules) -> LiveAccuracy:
    """Accuracy of the live version on the newest images that have a label."""
    ours = [each for each in known.images if each.model == watched.version.digest]
    newest = ours[-rules.newest_labels :]
    promised = float(ModelFolder.read(watched.version.folder).metrics["accuracy"])
    return live_accuracy(
        sum(each.answered == each.label for each in newest),
        len(newest),
        bound=max(rules.min_live_accuracy, promised - rules.max_live_drop),
        least_labels=rules.least_labels,
    )


def read_labels(file: Path) -> dict[Key, str]:
    """
    Labels by request and place in it, from CSV or Parquet: request_id, label, optionally at.

    Raises:
        Refused: it cannot be read, lacks a column or a value, or gives an image two labels.
    """
    table = _table(file)
    if missing := {"request_id", "label"} - set(table.columns):
        raise Refused(f"{file} has no column {', '.join(sorted(missing))}; it has: "
                      f"{', '.join(map(str, table.columns)) or 'none'}")  # fmt: skip
    wanted = [name for name in ("request_id", "label", "at") if name in table.columns]
    texts = {
        name: [_text(value) for value in table[name].astype(object).where(table[name].notna(), "")]
        for name in wanted
    }
    found: dict[Key, str] = {}
    places = texts.get("at", ["0"] * len(table))
    for line, (request, at, label) in enumerate(
        zip(texts["request_id"], places, texts["label"], strict=True), start=1
    ):
        if not request or not label:
            raise Refused(f"{file}, row {line}: request_id and label may not be empty")
        if not str(at or "0").isdecimal():
            raise Refused(f"{file}, row {line}: at is {at!r}, and should be the place of the image "
                          "in its request, from 0 on")  # fmt: skip
        key = (request, int(at or 0))
        if found.setdefault(key, label) != label:
            raise Refused(f"{file}, row {line}: image {key[1]} of request {request} is "
                          f"{found[key]!r} in a row before, and {label!r} here")  # fmt: skip
    return found


def _text(value: object) -> str:
    """As it would stand in a CSV; whole numbers beside missing ones come as floats."""
    if value is None or value != value or repr(value) == "<NA>":
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _table(file: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        if file.suffix.lower() in (".parquet", ".pq"):
            return pd.read_parquet(file)
        return pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # pandas and pyarrow raise kinds of ValueError
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise Refused(f"{file} is no table of labels: {why}; write a CSV or Parquet file with the "
                      "columns request_id, label and, if a request had several images, at"
                      ) from error  # fmt: skip


def _captured(on: Backend, name: str, given: dict[Key, str], watch: Watch) -> list[LabelledImage]:
    """The captured images among them; one whose id occurs twice could be either, so neither."""
    found: dict[Key, LabelledImage | None] = {}
    columns = ("request_id", "at", "time", "label", "model_digest")
    wanted = np.array(sorted({request for request, _ in given}), object)
    traffic = traffic_of(on)
    traffic.fetch(name, watch)
    for table in rows_of(traffic, name, columns):
        ids = np.array(table["request_id"].to_pylist(), object)
        places = np.flatnonzero(np.isin(ids.astype(str), wanted.astype(str)))
        for row in table.take(places).to_pylist():
            key = (row["request_id"], row["at"])
            if key in given:
                image = LabelledImage(
                    *key, row["time"], row["model_digest"], row["label"], given[key]
                )
                found[key] = None if key in found else image
    twice = sum(each is None for each in found.values())
    if twice:
        watch(f"{twice} labels are left out: their request_id occurs twice in the traffic")
    return [each for each in found.values() if each]
