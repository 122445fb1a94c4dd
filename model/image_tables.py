"""Parquet: ``image`` (bytes, or struct<bytes, path> as of Hugging Face), ``label``, ``split``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from model.image_files import StorageIll, answering
from model.images import LABELLED, BadDataset, CountedChunk, in_natural_order, name_of
from model.table_chunks import TableChunk, TableFile, stem_of
from model.table_columns import ask_for_columns, class_names

READERS = 8  # of files, while they are digested


class Tables:
    """Images in one Parquet file, or in a folder of them; row groups are streamed."""

    kind = "parquet"

    def __init__(
        self, uri: str, system: Any, files: list[str], root: str, needed: tuple[str, ...] = LABELLED
    ) -> None:
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        self.uri, self.name = uri, name_of(uri)
        self._system, self._files, self._root = system, files, root
        self._groups: list[tuple[str, int, int, int]] = []  # file, row group, first row, rows
        found: set[str] = set()
        for file in files:
            try:
                with answering(file), system.open(file, "rb") as stream:
                    table = parquet.ParquetFile(stream)
                    ask_for_columns(file, table.schema_arrow, needed)
                    self._names = class_names(file, table.schema_arrow)
                    row = 0
                    for group in range(table.num_row_groups):
                        rows = table.metadata.row_group(group).num_rows
                        self._groups.append((file, group, row, rows))
                        row += rows
                    found.update(_labels(table, self._names))
                    self._length = getattr(self, "_length", 0) + row
            except (BadDataset, StorageIll):
                raise
            except (OSError, ValueError, arrow.ArrowException) as error:
                raise BadDataset(f"{file} cannot be read as Parquet: {error}") from error
        self.labels = self._names or in_natural_order(found - {""})
        if not self._length:
            raise BadDataset(f"{uri} has no images: its table has no rows")
        if "label" in needed and not self.labels:
            raise BadDataset(f"{uri} has no labels: its column `label` is empty")

    def __len__(self) -> int:
        return int(self._length)

    def digest(self) -> str:
        def row(file: str) -> bytes:
            part = hashlib.sha256()
            with answering(file), self._system.open(file, "rb") as stream:
                while block := stream.read(1 << 20):
                    part.update(block)
            return f"{file.removeprefix(self._root)}\0{part.hexdigest()}\n".encode()

        with ThreadPoolExecutor(READERS) as pool:  # Python lets others go on while it digests
            return hashlib.sha256(b"".join(pool.map(row, self._files))).hexdigest()

    def mark(self) -> str | None:
        marks = [self._system.info(file).get("etag") for file in self._files]
        if not all(marks):
            return None
        rows = (f"{file.removeprefix(self._root)}\0{mark}\n"
                for file, mark in zip(self._files, marks, strict=True))  # fmt: skip
        return hashlib.sha256("".join(rows).encode()).hexdigest()

    def chunks(self, images: int = 512) -> Iterator[CountedChunk]:
        del images  # a row group is the unit in which Parquet can be read
        system = self._system
        known = {path: TableFile(path, system.ukey(path), system) for path in self._files}
        splits = {path: _split(path) for path in self._files}
        if "test" not in splits.values():  # as without names: a share of all is for the test
            splits = dict.fromkeys(splits)
        for path, group, row, rows in self._groups:
            yield TableChunk(known[path], group, row, self._names, splits[path], rows)


def open_tables(
    uri: str, system: Any, files: list[str], root: str, needed: tuple[str, ...] = LABELLED
) -> Tables:
    """Parquet files. Raises BadDataset: broken, without the columns, or without rows."""
    return Tables(uri, system, files, root, needed)


def _labels(table: Any, names: tuple[str, ...] | None) -> set[str]:
    if names or "label" not in table.schema_arrow.names:
        return set(names or ())
    found: set[str] = set()
    for group in range(table.num_row_groups):
        column = table.read_row_group(group, columns=["label"])["label"]
        found.update("" if value is None else str(value) for value in column.unique().to_pylist())
    return found


def _split(file: str) -> str | None:
    """The split that a file's name declares (train-00000-of-00001.parquet), if it does."""
    stem = stem_of(file).lower()
    if stem.startswith("train"):
        return "train"
    return "test" if re.match(r"test|(val|valid|validation)(?![a-z])", stem) else None
