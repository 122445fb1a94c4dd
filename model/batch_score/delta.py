"""The log that makes a Delta table of the Parquet files: they are listed, not written anew."""

from __future__ import annotations

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from model.batch_score.made import BAD, SCORES
from model.batch_score.place import Place
from model.batch_score.scores import File, Scores
from model.batch_score.tables import bad_schema, scores_schema
from model.batch_score.there import DELTA_LOG

if TYPE_CHECKING:
    import pyarrow as arrow


def write_logs(scores: Scores, place: Place) -> None:
    """One commit that lists the files of ``scores``, in each of the two tables, if it is not so."""
    tables: tuple[tuple[str, arrow.Schema, list[File]], ...] = (
        (SCORES, scores_schema(scores.labels), [part.scores for part in scores.parts]),
        (BAD, bad_schema(), [part.bad for part in scores.parts if part.bad]),
    )
    for folder, schema, files in tables:
        _write_log(place, folder, schema.remove_metadata(), files)


def _write_log(place: Place, folder: str, schema: arrow.Schema, files: list[File]) -> None:
    """The log is a handful of small files: changed in a copy, so that any storage will do."""
    place.begin(f"{folder}/{DELTA_LOG}")
    before = place.names(f"{folder}/{DELTA_LOG}")
    with TemporaryDirectory() as scratch:
        log = Path(scratch, DELTA_LOG)
        log.mkdir()
        for name in before:
            (log / name).write_bytes(place.read(f"{folder}/{DELTA_LOG}/{name}") or b"")
        _commit(scratch, schema, files, is_new=not before)
        for new in sorted(path for path in log.iterdir() if path.name not in before):
            if new.is_file():
                place.write(f"{folder}/{DELTA_LOG}/{new.name}", new.read_bytes())


def _commit(table: str, schema: arrow.Schema, files: list[File], *, is_new: bool) -> None:
    from deltalake import DeltaTable, Schema
    from deltalake.transaction import AddAction, create_table_with_add_actions

    now_ms = int(time.time() * 1000)
    wanted = [
        AddAction(file.name.rpartition("/")[2], file.size_bytes, {}, now_ms, True,
                  json.dumps({"numRecords": file.rows}))
        for file in files
    ]  # fmt: skip
    known: Any = Schema.from_arrow(schema)
    if is_new:
        create_table_with_add_actions(table, known, wanted, mode="error")
        return
    there = DeltaTable(table)
    if sorted(there.file_uris()) != sorted(f"{table}/{each.path}" for each in wanted):
        there.create_write_transaction(wanted, mode="overwrite", schema=known)
