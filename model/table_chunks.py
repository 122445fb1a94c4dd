"""Row groups of Parquet files: sent to another process as their place, read there in batches."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import compress, count
from typing import Any

from model.images import BadDataset, RawImage, split_of

COLUMNS = ("image", "label", "split")
PARTS = ("bytes", "path")  # of a struct in the column image
BATCH_ROWS = 256  # in memory at a time: a row group may be larger than that


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
    """One row group of one file."""

    file: TableFile
    group: int
    first_row: int
    names: tuple[str, ...] | None
    split: str | None

    def read(self, split: str | None = None) -> Iterator[RawImage]:
        import pyarrow as arrow

        try:
            yield from self._read(split)
        except (OSError, ValueError, arrow.ArrowException) as error:
            raise BadDataset(
                f"{self.file.path} cannot be read as Parquet, in row group {self.group}: {error}"
            ) from error

    def _read(self, split: str | None) -> Iterator[RawImage]:
        import pyarrow.parquet as parquet

        number = self.first_row
        with self.file.open() as stream:
            table = parquet.ParquetFile(
                stream, metadata=_footer(self.file), buffer_size=1 << 20, pre_buffer=False
            )
            known = [name for name in COLUMNS if name in table.schema_arrow.names]
            if not self._may_have(table, split):
                return
            batches = table.iter_batches(BATCH_ROWS, row_groups=[self.group], columns=known)
            for batch in batches:
                asked = [side in (None, split or side) for side in self._sides(batch)]
                numbers = compress(count(number), asked)
                for image in map(self._image, numbers, *_rows(batch.filter(asked))):
                    if split in (None, image.split):
                        yield image
                number += batch.num_rows

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
        said = [None] * rows.num_rows
        if "split" in rows.schema.names:
            said = rows.column("split").to_pylist()
        return [_side(each or self.split) for each in said]

    def _image(
        self, number: int, data: bytes | None, path: str | None, label: Any, split: str | None
    ) -> RawImage:
        fault = None if data is not None else "no bytes in this row"
        data, path = data or b"", path or f"{stem_of(self.file.path)}/{number}"
        if self.names is not None and isinstance(label, int) and 0 <= label < len(self.names):
            label = self.names[label]
        side = _side(split or self.split) or split_of(data)
        label = "" if label is None else str(label)
        return RawImage(path, label, side, data, fault=fault)


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


def _rows(batch: Any) -> tuple[Iterable[Any], ...]:
    """Image bytes, paths, labels and splits of some rows; ``None`` for what there is not."""
    import pyarrow as arrow

    nothing: list[Any] = [None] * batch.num_rows  # no iterator: it stands for several columns
    image = batch.column("image")
    if arrow.types.is_struct(image.type):
        parts = {image.type.field(at).name: part for at, part in enumerate(image.flatten())}
        data, path = (parts[name].to_pylist() if name in parts else nothing for name in PARTS)
    else:
        data, path = image.to_pylist(), nothing
    split = batch.column("split").to_pylist() if "split" in batch.schema.names else nothing
    return data, path, batch.column("label").to_pylist(), split
