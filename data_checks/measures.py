"""What is to be judged beside single facts: twins, leaks, classes, drift. Pandas over the facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data_checks.near import near_twins
from data_checks.reading import Facts

if TYPE_CHECKING:
    import pandas as pd  # a second of import: only where a table is made

BINS = np.linspace(0, 256, 17)


@dataclass(frozen=True)
class Reference:
    """
    The distribution of a data set, to compare another one with.

    Attributes:
        mean, deviation: shares of images by mean intensity and by deviation, in 16 bins of 0..256.
        labels: share of each label among the images.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    labels: dict[str, float]


@dataclass(frozen=True)
class Tables:
    """The tables that the expectations look at, by name."""

    images: pd.DataFrame  # one row an image
    test: pd.DataFrame  # the same, test images only
    classes: pd.DataFrame  # one row a label: images in train and in test, balance
    drift: pd.DataFrame  # one row a statistic: distance from the reference
    facts: Path  # the facts table, with the columns that ``images`` leaves out
    near_were_searched: bool


def tables_of(
    facts: Facts, labels: Sequence[str], near_distance: int, reference: Reference | None
) -> Tables:
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
    return Tables(
        images, images[is_test], _classes(images, labels), _drift(images, reference),
        facts.file, near is not None,
    )  # fmt: skip


def reference_of(facts: pd.DataFrame) -> Reference:
    """The distribution of this data set."""
    return Reference(
        _shares(facts["mean"]),
        _shares(facts["deviation"]),
        {str(k): float(v) for k, v in facts["label"].value_counts(normalize=True).items()},
    )


def stability_index(expected: Sequence[float], found: Sequence[float]) -> float:
    """
    Population stability index of two distributions over the same bins; 0: equal.

    Source:
        Siddiqi, Credit Risk Scorecards (2006); empty bins count as 0.0001. Customary: below 0.1
        no change, above 0.25 a large one.

    >>> stability_index([0.5, 0.5], [0.5, 0.5])
    0.0
    """
    a, b = (np.clip(np.asarray(shares, float), 1e-4, None) for shares in (expected, found))
    return float(np.sum((b - a) * np.log(b / a)))


def _classes(images: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    names = list(dict.fromkeys([*labels, *images["label"].unique()]))
    counts = images.groupby(["label", "split"]).size().unstack(fill_value=0)
    counts = counts.reindex(index=names, columns=["train", "test"], fill_value=0)
    table = counts.rename_axis("label").reset_index()
    total = table["train"] + table["test"]
    table["balance"] = total / max(int(total.max()), 1)
    return table


def _drift(images: pd.DataFrame, reference: Reference | None) -> pd.DataFrame:
    import pandas as pd

    if reference is None:
        return pd.DataFrame({"statistic": pd.Series(dtype=str), "distance": pd.Series(dtype=float)})
    now = reference_of(images)
    names = sorted(reference.labels.keys() | now.labels.keys())
    shares = [[side.labels.get(name, 0.0) for name in names] for side in (reference, now)]
    rows = [
        ("mean intensity", stability_index(reference.mean, now.mean)),
        ("deviation of intensity", stability_index(reference.deviation, now.deviation)),
        ("label shares", stability_index(*shares)),
    ]
    return pd.DataFrame(rows, columns=["statistic", "distance"])


def _shares(values: pd.Series[Any]) -> tuple[float, ...]:
    counts, _ = np.histogram(values.dropna(), BINS)
    return tuple((counts / max(counts.sum(), 1)).tolist())


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
