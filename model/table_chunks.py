"""Row groups of Parquet files: sent to another process as their place, read there in batches."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import compress, repeat
from typing import Any

from model.image_files import StorageIll, answering
from model.images import BadDataset, RawImage, split_of
from model.table_rows import columns_of, rows_at_once, rows_of

COLUMNS = ("image", "label", "split")


@dataclass(frozen=True)
class TableFile:
    """A file as it was when the data set was opened; ``version`` changes when the file does."""

    path: str
    version: str
    system: Any = field(compare=False)

    def open(self) -> Any:
        """The file, for reading; to be closed."""
        return self.system.open(self.path, "rb")


@dataclass(frozen=True)
class TableChunk:
    """
    One row group of one file, or some of its rows.

    Attributes:
        first_row: its place in the file.
        skipped: rows of the group that lie before it.
    """

    file: TableFile
    group: int
    first_row: int
    names: tuple[str, ...] | None
    split: str | None
    images: int
    skipped: int = 0

    def some(self, first: int, end: int) -> TableChunk:
        begin, skipped = self.first_row + first, self.skipped + first
        return replace(self, first_row=begin, skipped=skipped, images=end - first)

    def read(self, split: str | None = None) -> Iterator[RawImage]:
        import pyarrow as arrow

        try:
            with answering(self.file.path):
                yield from self._read(split)
        except StorageIll:
            raise
        except (OSError, ValueError, arrow.ArrowException) as error:
            raise BadDataset(
                f"{self.file.path} cannot be read as Parquet, in row group {self.group}: {error}"
            ) from error

    def _read(self, split: str | None) -> Iterator[RawImage]:
        import pyarrow.parquet as parquet

        with self.file.open() as stream:
            table = parquet.ParquetFile(
                stream, metadata=_footer(self.file), buffer_size=1 << 20, pre_buffer=False
            )
            known = [name for name in COLUMNS if name in table.schema_arrow.names]
            if not self._may_have(table, split):
                return
            # Whoever reads has a thread or a process of its own: Arrow's would be in its way.
            batches = table.iter_batches(
                rows_at_once(table.metadata.row_group(self.group), known),
                row_groups=[self.group], columns=known, use_threads=False,
            )  # fmt: skip
            number = self.first_row
            for batch in rows_of(batches, self.skipped, self.images):
                sides = self._sides(batch)
                numbers: Iterable[int] = range(number, number + batch.num_rows)
                number += batch.num_rows
                if split is not None:
                    asked = [side in (None, split) for side in sides]
                    batch, numbers = batch.filter(asked), compress(numbers, asked)
                    sides = list(compress(sides, asked))
                for image in self._images(batch, numbers, sides):
                    if split is None or image.split == split:
                        yield image

    def _may_have(self, table: Any, split: str | None) -> bool:
        """Is an image declared to be of this split, or of none? No image is read for it."""
        if split is None:
            return True
        if "split" not in table.schema_arrow.names:
            return _side(self.split) in (None, split)
        said = table.read_row_group(self.group, columns=["split"])
        return any(side in (None, split) for side in self._sides(said))

    def _sides(self, rows: Any) -> list[str | None]:
        """The split that is declared for each row, if one is."""
        if "split" not in rows.schema.names:
            return [_side(self.split)] * int(rows.num_rows)
        said = rows.column("split").to_pylist()
        sides = {each: _side(each or self.split) for each in set(said)}
        return [sides[each] for each in said]

    def _images(
        self, batch: Any, numbers: Iterable[int], sides: Iterable[str | None]
    ) -> Iterator[RawImage]:
        """A column at a time: of a million rows, each step costs a tenth of a second."""
        data, faults, paths, labels = columns_of(batch)
        stem = stem_of(self.file.path)
        named = [path or f"{stem}/{number}" for path, number in zip(paths, numbers, strict=True)]
        splits = [side or split_of(each) for side, each in zip(sides, data, strict=True)]
        rows = zip(
            named, map(self._label, labels), splits, data, repeat(None), faults, strict=False
        )
        return map(RawImage._make, rows)

    def _label(self, label: Any) -> str:
        if self.names is not None and isinstance(label, int) and 0 <= label < len(self.names):
            return self.names[label]
        return "" if label is None else str(label)


def _side(declared: str | None) -> str | None:
    """Whatever is declared and not for training is for the test: "valid" too."""
    if not declared:
        return None
    return "train" if declared == "train" else "test"


def stem_of(file: str) -> str:
    """The name of a Parquet file, without folder and ending."""
    return file.rpartition("/")[2].removesuffix(".parquet")


@functools.lru_cache(maxsize=32)
def _footer(file: TableFile) -> Any:
    """
    Where in the file its row groups lie: read once a process, not once a row group.

    Kept without the open file, which threads cannot share.
    """
    import pyarrow.parquet as parquet

    with file.open() as stream:
        return parquet.read_metadata(stream)
