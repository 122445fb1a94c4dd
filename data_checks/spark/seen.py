"""What workers wrote where: which rows of the facts are of which chunk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np

ROW_BITS: Final = 40  # of a position: the number of a row in its file; above it, that of the file


@dataclass(frozen=True)
class Seen:
    """
    Attributes:
        rows: number of a file, number of a chunk, its images; in the order of the data set.
    """

    rows: tuple[tuple[int, int, int], ...]

    @property
    def images(self) -> int:
        """All of them."""
        return sum(images for _, _, images in self.rows)

    @property
    def files(self) -> set[int]:
        """Numbers of the files."""
        return {file for file, _, _ in self.rows}

    def rows_at(self, positions: Iterable[int]) -> list[int]:
        """
        Numbers of images, counted through the data set.

        >>> Seen(((0, 0, 5), (1, 1, 5), (1, 2, 5))).rows_at([(1 << ROW_BITS) + 7])
        [12]
        """
        first: dict[int, int] = {}
        ends = accumulate((images for _, _, images in self.rows), initial=0)
        for (file, _, _), start in zip(self.rows, ends, strict=False):
            first.setdefault(file, start)
        mask = (1 << ROW_BITS) - 1
        return [first[position >> ROW_BITS] + (position & mask) for position in positions]

    def chunks_with(self, rows: Sequence[int]) -> list[int]:
        """
        Numbers of the chunks that have these images, in order.

        >>> Seen(((0, 0, 5), (1, 1, 5), (1, 2, 5))).chunks_with([12, 4, 0])
        [0, 2]
        """
        ends = np.cumsum([images for _, _, images in self.rows])
        at = np.searchsorted(ends, np.asarray(rows, np.int64), "right")
        return sorted({self.rows[place][1] for place in at})
