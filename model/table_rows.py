"""Rows of a Parquet file, some at a time: as many as memory is meant for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any

from model.image_files import too_large

MOST_ROWS = 256  # in memory at a time: a row group may be larger than that
MOST_HELD = 64 << 20  # bytes of them


def rows_at_once(group: Any, names: Iterable[str]) -> int:
    """Rows of a row group that fit into the memory for them, as large as they are on average."""
    columns = (group.column(at) for at in range(group.num_columns))
    wanted = set(names)
    held = sum(
        column.total_uncompressed_size
        for column in columns
        if column.path_in_schema.partition(".")[0] in wanted
    )
    fitting: int = MOST_HELD * group.num_rows // max(held, 1)
    return max(1, min(MOST_ROWS, fitting))


def rows_of(batches: Iterable[Any], skipped: int, wanted: int) -> Iterator[Any]:
    """``wanted`` rows, behind those that are skipped."""
    for batch in batches:
        begin = min(skipped, batch.num_rows)
        skipped -= begin
        if asked := batch.slice(begin, wanted):
            wanted -= asked.num_rows
            yield asked
        if not wanted:
            return


def columns_of(batch: Any) -> tuple[list[Any], Iterable[str | None], list[Any], list[Any]]:
    """Image bytes, why there are none, paths and labels; ``None`` for what there is not."""
    import pyarrow as arrow

    nothing: list[Any] = [None] * batch.num_rows  # no iterator: it stands for several columns
    image, path = batch.column("image"), nothing
    if arrow.types.is_struct(image.type):
        parts = {image.type.field(at).name: part for at, part in enumerate(image.flatten())}
        image, path = parts["bytes"], parts["path"].to_pylist() if "path" in parts else nothing
    label = batch.column("label").to_pylist() if "label" in batch.schema.names else nothing
    return *_bytes_of(image), path, label


def _bytes_of(image: Any) -> tuple[list[bytes], Iterable[str | None]]:
    """The bytes of each row, or the fault; what is too large is known by its length alone."""
    import pyarrow as arrow
    from pyarrow import compute

    lengths = compute.binary_length(image)
    large: list[str | None] = []
    if too_large(compute.max(lengths).as_py() or 0):
        large = [too_large(length or 0) for length in lengths.to_pylist()]
        image = compute.if_else(arrow.array([not each for each in large]), image, None)
    data = image.to_pylist()
    if None not in data:
        return data, repeat(None)
    faults = [None if each is not None else "no bytes in this row" for each in data]
    if large:
        faults = [one or other for one, other in zip(large, faults, strict=True)]
    return [each or b"" for each in data], faults
