"""What is to be judged beside single facts: twins and leaks, counted in pandas over the facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from data_checks.counts import BINS, Counts, Reference, classes_of, drift_of
from data_checks.near import near_twins
from data_checks.reading import Facts, digests_of

if TYPE_CHECKING:
    import pandas as pd  # a second of import: only where a table is made


class Tables(Protocol):
    """The tables that the expectations look at, in whichever engine they lie."""

    @property
    def near_were_searched(self) -> bool:
        """Were near twins looked for? There may be too many pairs."""

    def most_frequent(self, column: str) -> Any:
        """The value that most readable images have, the least of several; ``None`` if none has."""

    def frame(self, table: str, digests: Sequence[str] = ()) -> Any:
        """A table by its name; of the columns ``DIGESTS``, images and test have these alone."""


@dataclass(frozen=True)
class PandasTables:
    """All tables in memory."""

    images: pd.DataFrame  # one row an image
    test: pd.DataFrame  # the same, test images only
    classes: pd.DataFrame  # one row a label: images in train and in test, balance
    drift: pd.DataFrame  # one row a statistic: distance from the reference
    facts: Path  # the facts table or its parts, with the columns that ``images`` leaves out
    near_were_searched: bool
    counts: Counts

    def most_frequent(self, column: str) -> Any:
        """See ``Tables``."""
        found = self.images.loc[self.images["readable"], column].mode()
        return found.iloc[0] if len(found) else None

    def frame(self, table: str, digests: Sequence[str] = ()) -> pd.DataFrame:
        """See ``Tables``; a million digests take as much memory as all else."""
        frame: pd.DataFrame = getattr(self, table)
        return frame.join(digests_of(self.facts, digests)) if digests else frame

    def rows_of(self, paths: Sequence[str]) -> list[int]:
        """Where the first image of each path is, counted through the data set."""
        named = self.images["path"]
        found: list[int] = named[named.isin(paths)].drop_duplicates().index.tolist()
        return found


def tables_of(
    facts: Facts, labels: Sequence[str], near_distance: int, reference: Reference | None
) -> PandasTables:
    """Add what follows from all images together to the facts of each, in their own table."""
    images, seen = facts.images, facts.pixels >= 0
    is_test = (images["split"] == "test").to_numpy(bool)
    images["size"] = _sizes(images)
    images["is_duplicate"] = seen & _is_second(facts.pixels, is_test)
    images["label_count"] = _labels_a_picture(facts.pixels, images["label"])
    learned = np.zeros(len(images) + 1, bool)
    learned[facts.pixels[~is_test & seen]] = True
    images["is_leaked"] = is_test & seen & learned[facts.pixels]
    near = near_twins(facts.hashes[is_test & seen], facts.hashes[~is_test & seen], near_distance)
    images["is_nearly_leaked"] = False
    images.loc[is_test & seen, "is_nearly_leaked"] = False if near is None else near
    counts = _counts(images)
    return PandasTables(
        images, images[is_test], classes_of(counts, labels), drift_of(counts, reference),
        facts.file, near is not None, counts,
    )  # fmt: skip


def _counts(images: pd.DataFrame) -> Counts:
    kinds = images.groupby(["label", "split"], sort=False).size()
    found = dict(zip(kinds.index.tolist(), kinds.tolist(), strict=True))
    mean, deviation = (
        np.histogram(images[name].dropna(), BINS)[0].tolist() for name in ("mean", "deviation")
    )
    return Counts(found, tuple(mean), tuple(deviation))


def _sizes(images: pd.DataFrame) -> Any:
    """Texts like 28x28: made once a size, not once an image."""
    import pandas as pd

    sizes = images["width"].to_numpy(np.int64) << 32 | images["height"].to_numpy(np.int64)
    numbers, different = pd.factorize(sizes)
    texts = [f"{size >> 32}x{size & 0xFFFFFFFF}" for size in different.tolist()]
    return pd.array(texts, dtype="str").take(numbers)


def _is_second(pixels: NDArray[np.int32], is_test: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether these pixels occurred before in the same split."""
    import pandas as pd

    return pd.Series(pixels.astype(np.int64) * 2 + is_test).duplicated().to_numpy()


def _labels_a_picture(pixels: NDArray[np.int32], labels: pd.Series[Any]) -> NDArray[np.int32]:
    """Under how many labels the pixels of each image occur; 1 for an image without pixels."""
    import pandas as pd

    numbers, different = pd.factorize(labels)
    pairs = np.unique(pixels.astype(np.int64) * (len(different) + 1) + numbers)
    pictures = pairs[pairs >= 0] // (len(different) + 1)
    counts = np.bincount(pictures, minlength=len(pixels) + 1).astype(np.int32)
    return np.where(pixels >= 0, counts[pixels], np.int32(1))
