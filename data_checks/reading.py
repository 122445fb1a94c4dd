"""The facts table, read again in a form that is small enough for millions of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from data_checks.facts import COLUMNS

if TYPE_CHECKING:
    import pandas as pd  # a second of import: only where a table is made

DIGESTS: Final = ("file_sha256", "pixel_sha256", "perceptual_hash")
HASH_BYTES: Final = 32


@dataclass(frozen=True)
class Facts:
    """
    What is known of all images. Digests, most of the table, are numbers here.

    Attributes:
        file: the facts table, or the folder of its parts.
        images: its columns but ``DIGESTS``, one row an image.
        pixels: equal for images of equal pixels; -1 where they could not be read.
        hashes: perceptual hashes, shape (images, 32); zeros where they could not be read.
    """

    file: Path
    images: pd.DataFrame
    pixels: NDArray[np.int32]
    hashes: NDArray[np.uint8]


def read_facts(file: Path) -> Facts:
    """Read what the checks need, one column after the other."""
    import pyarrow as arrow

    pixels, hashes = _numbers(file, "pixel_sha256"), _hashes(file)
    arrow.default_memory_pool().release_unused()  # it would keep room for all digests
    table = _read(file, [name for name in COLUMNS if name not in DIGESTS])
    images = table.to_pandas()
    wide = {name: np.float64 for name, kind in COLUMNS.items() if kind == "float32"}
    # Limits have 64 bits: so the columns that are compared with them have, in every engine.
    return Facts(file, images.astype(wide), pixels, hashes)


def digests_of(file: Path, names: Sequence[str]) -> pd.DataFrame:
    """Some of the columns ``DIGESTS``, in hexadecimal, one row an image."""
    found: pd.DataFrame = _read(file, names).to_pandas()
    return found


def _numbers(file: Path, name: str) -> NDArray[np.int32]:
    """A number for each different text of a column; -1 for none."""
    column = _read(file, [name])[name].dictionary_encode().combine_chunks()
    numbers: NDArray[np.int32] = column.indices.fill_null(-1).to_numpy().astype(np.int32)
    return numbers


def _hashes(file: Path) -> NDArray[np.uint8]:
    import pyarrow.parquet as parquet

    found = [np.zeros((0, HASH_BYTES), np.uint8)]
    for part in _parts(file):
        with parquet.ParquetFile(part) as table:
            for batch in table.iter_batches(columns=["perceptual_hash"]):
                found.append(_from_hexadecimal(batch.column(0)))
    return np.concatenate(found)


def _read(file: Path, names: Sequence[str]) -> Any:
    import pyarrow.parquet as parquet

    return parquet.read_table(_parts(file), columns=list(names))


def _parts(file: Path) -> list[Path]:
    return [file] if file.is_file() else sorted(file.glob("part-*.parquet"))


def _from_hexadecimal(column: Any) -> NDArray[np.uint8]:
    rows = np.zeros((len(column), HASH_BYTES), np.uint8)
    text = "".join(column.drop_null().to_pylist())
    known = np.frombuffer(bytes.fromhex(text), np.uint8).reshape(-1, HASH_BYTES)
    rows[column.is_valid().to_numpy(zero_copy_only=False)] = known
    return rows
