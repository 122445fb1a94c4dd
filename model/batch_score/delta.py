"""The log that makes a Delta table of the Parquet files: they are listed, not written anew."""

from __future__ import annotations

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from model.batch_score.made import BAD, SCORES
from model.batch_score.place import Place, StorageFailed
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
    from deltalake.exceptions import DeltaError

    where = f"{folder}/{DELTA_LOG}"
    place.begin(where)
    place.clear(where)
    before = _whole(place, where)
    with TemporaryDirectory() as scratch:
        log = Path(scratch, DELTA_LOG)
        log.mkdir()
        for name, data in before.items():
            (log / name).write_bytes(data)
        try:
            _commit(scratch, schema, files, is_new=not before)
        except DeltaError as error:
            raise StorageFailed(
                f"{place.uri}/{where} is damaged ({_first_line(error)}): remove "
                "that folder, and the same command writes it anew"
            ) from error
        for path in sorted(path for path in log.iterdir() if path.is_file()):
            if before.get(path.name) != (data := path.read_bytes()):
                place.write(f"{where}/{path.name}", data)
    place.settle(where)


def _whole(place: Place, where: str) -> dict[str, bytes]:
    """The files of a log; an entry that was being written when all ended is removed."""
    found = {name: place.read(f"{where}/{name}") or b"" for name in place.names(where)}
    for name in [name for name, data in found.items() if not _is_whole(name, data)]:
        place.remove(f"{where}/{name}")
        del found[name]
    return found


def _is_whole(name: str, data: bytes) -> bool:
    if not name.endswith(".json"):
        return True
    try:
        return bool(data) and all(json.loads(line) for line in data.splitlines())
    except ValueError:
        return False


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


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
