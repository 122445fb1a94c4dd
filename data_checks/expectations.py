"""
Your checks. Each is a Great Expectations expectation on one of four tables, with the reason it
exists: ``images`` (one row an image), ``test`` (test images only), ``classes`` (one row a label)
and ``drift`` (one row a statistic, against the champion's data). Their columns: docs/checks.md.

To add one, add an ``Expected`` to the list; to change a limit, see ``limits.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data_checks.limits import Limits, Severity
from data_checks.measures import Tables

TOO_MANY = "there are too many pairs of images that resemble each other"
CONVERTED = "palette, CMYK, alpha or 16 bits"


@dataclass(frozen=True)
class Expected:
    """An expectation, why it exists, and what its failure does."""

    name: str
    table: str
    severity: Severity
    limit: str
    reason: str
    expectation: Any
    unknown: str = ""  # why it cannot be judged, if so; it has not passed then


def expectations(limits: Limits, labels: Sequence[str], tables: Tables) -> list[Expected]:
    """All checks for a data set with these ``labels``."""
    from great_expectations import expectations as gxe

    size = tables.most_frequent("size") or "none"
    channels = int(tables.most_frequent("channels") or 0)
    between, among = gxe.ExpectColumnValuesToBeBetween, gxe.ExpectColumnValuesToBeInSet
    found = [
        Expected(
            "readable", "images", "refuse", "all",
            "an image that cannot be decoded cannot be learned from, nor asked about",
            among(column="readable", value_set=[True]),
        ),
        Expected(
            "format", "images", "refuse", ", ".join(limits.formats),
            "other formats decode differently from machine to machine",
            among(column="format", value_set=[*limits.formats, ""]),
        ),
        Expected(
            "colour mode", "images", "warn", "grey or RGB, 8 bits",
            f"{CONVERTED} are converted for the network, and may look otherwise than meant",
            among(column="mode", value_set=["L", "RGB", "1", ""]),
        ),
        Expected(
            "not blank", "images", "refuse", f"deviation of at least {limits.min_deviation:g}",
            "a picture of one colour teaches nothing, and shows a broken camera or export",
            between(
                column="deviation", min_value=limits.min_deviation,
                mostly=1 - limits.max_blank_share,
            ),
        ),
        Expected(
            "known labels", "images", "refuse", f"one of {len(labels)} labels, not empty",
            "an image without a label, or with one that no class has, cannot be learned from",
            among(column="label", value_set=[label for label in labels if label.strip()]),
        ),
        Expected(
            "two classes", "images", "refuse", "at least 2 labels with images",
            "with one class there is nothing to tell apart",
            gxe.ExpectColumnUniqueValueCountToBeBetween(column="label", min_value=2),
        ),
        Expected(
            "training images a class", "classes", "refuse", f"at least {limits.least_train_images}",
            "a class with few images, or an empty folder, is not learned",
            between(column="train", min_value=limits.least_train_images),
        ),
        Expected(
            "test images a class", "classes", "refuse", f"at least {limits.least_test_images}",
            "without test images nobody knows how good the model is on that class",
            between(column="test", min_value=limits.least_test_images),
        ),
        Expected(
            "balance of classes", "classes", "warn",
            f"at least {limits.min_balance:.0%} of the largest",
            "a rare class is answered with a frequent one, and accuracy hides it",
            between(column="balance", min_value=limits.min_balance),
        ),
        Expected(
            "duplicates", "images", "warn", f"at most {limits.max_duplicate_share:.1%}",
            "images that occur twice weigh twice",
            among(column="is_duplicate", value_set=[False], mostly=1 - limits.max_duplicate_share),
        ),
        Expected(
            "one label an image", "images", "refuse", f"all but {limits.max_conflict_share:.1%}",
            "the same pixels under two labels: one of the labels is wrong",
            between(column="label_count", max_value=1, mostly=1 - limits.max_conflict_share),
        ),
        Expected(
            "no leak from training to test", "test", "refuse",
            f"at most {limits.max_leak_share:.1%}",
            "a test image that was learned by heart makes the accuracy a lie",
            among(column="is_leaked", value_set=[False], mostly=1 - limits.max_leak_share),
        ),
        Expected(
            "no near leak", "test", "warn",
            f"at most {limits.max_near_leak_share:.1%} within {limits.near_distance} of 256 bits",
            "nearly the same picture in both splits (a burst, a crop) flatters the accuracy",
            among(
                column="is_nearly_leaked", value_set=[False],
                mostly=1 - limits.max_near_leak_share,
            ),
            unknown="" if tables.near_were_searched else f"not searched, {TOO_MANY}",
        ),
        Expected(
            "like the champion's data", "drift", "warn",
            f"stability index of at most {limits.max_drift:g}",
            "data unlike those that the serving model learned from: on purpose, or by accident?",
            between(column="distance", max_value=limits.max_drift),
        ),
    ]  # fmt: skip
    if limits.size_policy == "same":
        found += [
            Expected(
                "one size", "images", "refuse", f"{size}, as most are",
                'the network takes one size; to resize the others, set size_policy = "resize"',
                among(column="size", value_set=[size, "0x0"]),
            ),
            Expected(
                "one number of channels", "images", "refuse", f"{channels}, as most have",
                'grey among colour is often a mistake; to convert, set size_policy = "resize"',
                among(column="channels", value_set=[channels, 0]),
            ),
        ]  # fmt: skip
    return found
