"""Captured traffic as rows: what is new since last time, of one model, without what we sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data_checks.drift.answers import Answers
from tasks.monitor.records import Cursor
from tasks.ports import Traffic, Watch
from tasks.replay import REPLAYED_ID

if TYPE_CHECKING:
    import pyarrow as arrow

COLUMNS = ("time", "request_id", "at", "probabilities", "mean", "deviation", "model_digest")


@dataclass(frozen=True)
class Captured:
    """
    New rows of one model, oldest first.

    Attributes:
        times: when each image came, in seconds since 1970.
        names: of the images: request and place in it.
        files: every file that is there now.
        file, row: where each row was found: a place in ``files``, and one in that file.
        others: rows of other models, and of the replay before a version goes live.
    """

    answers: Answers
    times: NDArray[np.float64]
    names: list[str]
    files: tuple[str, ...]
    file: NDArray[np.int64]
    row: NDArray[np.int64]
    others: int

    def after(self, used: int) -> Cursor:
        """The cursor when the first ``used`` rows are done."""
        if used == len(self.times):
            return Cursor(self.files)
        at = int(self.file[used])
        return Cursor(self.files[:at], self.files[at], int(self.row[used]))


def collect(
    traffic: Traffic, name: str, model: str, classes: int, cursor: Cursor, watch: Watch
) -> Captured:
    """
    Read what was captured after ``cursor``.

    A service that ends may write its last file after the first one of its successor, so a file is
    known by its name, not by a time up to which everything was read.
    """
    files = sorted(traffic.files(name))
    done = set(cursor.done)
    # In the order of the cursor to come: what was read before it, then what is new.
    order = (*[f for f in files if f in done], *[f for f in files if f not in done])
    parts, others = [], 0
    for at, file in enumerate(order):
        if file in done:
            continue
        table = traffic.read(name, file, COLUMNS)
        if table is None:
            watch(f"{file} is gone, or damaged: what it held is not looked at")
            continue
        rows, left_out = _rows(table, model, classes, cursor.rows if file == cursor.partial else 0)
        others += left_out
        parts.append((at, table, rows))
    return _captured(parts, tuple(order), classes, others)


def rows_of(traffic: Traffic, name: str, columns: Sequence[str]) -> Iterator[arrow.Table]:
    """Those columns of every file that is there."""
    for file in sorted(traffic.files(name)):
        table = traffic.read(name, file, columns)
        if table is not None:
            yield table


def _rows(
    table: arrow.Table, model: str, classes: int, begin: int
) -> tuple[NDArray[np.int64], int]:
    """Places of the rows that count, from ``begin`` on, and how many do not."""
    ids = np.array(table["request_id"].to_pylist(), object)
    digests = np.array(table["model_digest"].to_pylist(), object)
    is_ours = (digests == model) & np.array([not str(i).startswith(REPLAYED_ID) for i in ids], bool)
    if len(table) and len(table["probabilities"][0]) != classes:
        is_ours[:] = False
    places = np.flatnonzero(is_ours)
    places = places[places >= begin].astype(np.int64)
    return places, len(table) - begin - len(places)


def _captured(
    parts: list[tuple[int, arrow.Table, NDArray[np.int64]]],
    files: tuple[str, ...],
    classes: int,
    others: int,
) -> Captured:
    probabilities = [
        _matrix(table, classes)[rows] if len(rows) else np.zeros((0, classes), np.float32)
        for _, table, rows in parts
    ]

    def column(name: str) -> NDArray[np.float64]:
        found = [table[name].to_numpy()[rows] for _, table, rows in parts]
        return np.concatenate([np.zeros(0), *found])

    names = [
        f"{request}/{at}"
        for _, table, rows in parts
        for request, at in zip(
            *(table[name].take(rows).to_pylist() for name in ("request_id", "at")), strict=True
        )
    ]
    empty = np.zeros((0, classes), np.float32)
    return Captured(
        Answers(np.concatenate([empty, *probabilities]), column("mean"), column("deviation")),
        column("time"),
        names,
        files,
        np.concatenate([np.zeros(0, np.int64), *[np.full(len(r), at) for at, _, r in parts]]),
        np.concatenate([np.zeros(0, np.int64), *[rows for _, _, rows in parts]]),
        others,
    )


def _matrix(table: arrow.Table, classes: int) -> NDArray[np.float32]:
    flat = table["probabilities"].combine_chunks().flatten().to_numpy()
    matrix: NDArray[np.float32] = flat.reshape(-1, classes)
    return matrix
