"""A sample of the scores as captured traffic: what the drift monitor reads of a service."""

from __future__ import annotations

import hashlib
import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from model.batch_score.place import Place, StorageFailed
from model.batch_score.scores import Scores

if TYPE_CHECKING:
    import pyarrow as arrow

MOST_ROWS = 6000  # as many as one run of the monitor looks at: 24 windows of 250
APART_S = 0.001  # between two images: the monitor wants an order, and a batch has none


def capture(scores: Scores, place: Place, to: Place) -> str | None:
    """
    Write a file of captured traffic with some of the scores, mixed, unless it is there.

    Mixed, because a window of neighbours in a data set would often be of one class. The request of
    an image is its path: labels that come later are joined by it. The name is that of the scores,
    so the same ones are looked at once.

    Returns:
        The name of the file; ``None`` if it was there, or nothing was scored.
    """
    ended = datetime.fromisoformat(scores.ended)
    name = f"{ended:%Y%m%dT%H%M%S}-scores-{scores.key}.parquet"
    if not scores.rows or name in to.names(""):
        return None
    random = np.random.default_rng(int(scores.key, 16))
    count = min(MOST_ROWS, scores.rows)
    chosen = np.sort(random.choice(scores.rows, count, replace=False))
    table = _rows(scores, place, chosen).take(random.permutation(count))
    times = ended.timestamp() + (np.arange(count) - count + 1) * APART_S
    to.begin("")
    to.write(name, _file(_as_captured(table, times)))
    return name


def _rows(scores: Scores, place: Place, chosen: Any) -> arrow.Table:
    """The rows at some places of all scores, a part in memory at a time."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    found, first = [], 0
    for part in scores.parts:
        here = chosen[(chosen >= first) & (chosen < first + part.scores.rows)] - first
        first += part.scores.rows
        if not len(here):
            continue
        data = place.read(part.scores.name)
        if data is None or hashlib.sha256(data).hexdigest() != part.scores.sha256:
            raise StorageFailed(f"{place.uri}/{part.scores.name} is not what was written")
        found.append(parquet.read_table(io.BytesIO(data)).take(here))
    return arrow.concat_tables(found).combine_chunks()


def _as_captured(table: arrow.Table, times: Any) -> arrow.Table:
    """With the columns that a service writes (``model/serve/capture.py``)."""
    import pyarrow as arrow

    return arrow.table(
        {
            "time": times, "request_id": table["path"], "at": np.zeros(len(table), np.int64),
            "label": table["predicted"],
            "probability": table["confidence"].cast(arrow.float64()),
            **{name: table[name] for name in (
                "probabilities", "mean", "deviation", "model_version", "model_digest"
            )},
        }
    )  # fmt: skip


def _file(table: arrow.Table) -> bytes:
    import pyarrow.parquet as parquet

    sink = io.BytesIO()
    parquet.write_table(table, sink, compression="zstd")
    return sink.getvalue()
