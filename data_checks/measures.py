"""What is to be judged beside single facts: twins, leaks, classes, drift. Pandas over the facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd  # a second of import: only where a table is made

MOST_PAIRS = 4_000_000_000  # of test and training images; beyond it near twins need a cluster
BLOCK = 512
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
    near_were_searched: bool


def tables_of(
    facts: pd.DataFrame, labels: Sequence[str], near_distance: int, reference: Reference | None
) -> Tables:
    """Add what follows from all images together to the facts of each."""
    images = facts.copy()
    images["size"] = images["width"].astype(str) + "x" + images["height"].astype(str)
    pixels = images["pixel_sha256"]
    seen = pixels.notna()
    images["is_duplicate"] = seen & images.duplicated(["pixel_sha256", "split"])
    images["label_count"] = images.groupby("pixel_sha256")["label"].transform("nunique").fillna(1)
    is_test = images["split"] == "test"
    images["is_leaked"] = is_test & seen & pixels.isin(pixels[~is_test & seen])
    near, searched = _near(images, is_test.to_numpy(), near_distance)
    images["is_nearly_leaked"] = near
    return Tables(
        images, images[is_test], _classes(images, labels), _drift(images, reference), searched
    )


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


def _near(
    images: pd.DataFrame, is_test: NDArray[np.bool_], distance: int
) -> tuple[NDArray[np.bool_], bool]:
    """Which test images have a training image within ``distance`` bits: products of bit vectors."""
    near = np.zeros(len(images), bool)
    seen = images["perceptual_hash"].notna().to_numpy()
    tests, trains = np.flatnonzero(is_test & seen), np.flatnonzero(~is_test & seen)
    if len(tests) * len(trains) > MOST_PAIRS:
        return near, False
    if not len(tests) or not len(trains):
        return near, True
    hashes = images["perceptual_hash"].to_numpy()
    theirs = _signs(hashes[trains])
    for first in range(0, len(tests), BLOCK):
        block = tests[first : first + BLOCK]
        # Of vectors of +1 and -1, the product is bits - 2 * distance.
        product = _signs(hashes[block]) @ theirs.T
        near[block] = product.max(axis=1) >= theirs.shape[1] - 2 * distance
    return near, True


def _signs(hashes: NDArray[Any]) -> NDArray[np.float32]:
    packed = np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8).reshape(len(hashes), -1)
    return np.unpackbits(packed, axis=1).astype(np.float32) * 2 - 1
