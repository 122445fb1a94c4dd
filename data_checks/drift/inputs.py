"""
Single images of the traffic, and whether they can be meant: expectations on the table ``traffic``.

Drift speaks of windows as a whole; a camera that sends a black picture now and then does not move
them. One row an image: image, label, probability, total, mean, deviation, is_repeated.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data_checks.check import Check
from data_checks.drift.answers import Answers
from data_checks.expectations import Expected

if TYPE_CHECKING:
    import pandas as pd

TABLE = "traffic"
MOST_BLANK, MOST_BEYOND, MOST_REPEATED = 0.01, 0.05, 0.5
LEAST_DEVIATION = 1.0  # of intensities 0..255; below it an image is blank
MARGIN = 0.1  # of the range of brightness that was tested, on each side
MOST_ROWS = 50_000  # that are looked at, the newest


def check_inputs(
    names: Sequence[str], answers: Answers, reference: Answers, labels: Sequence[str], docs: Path
) -> list[Check]:
    """
    Judge single images of the traffic; each check warns, for no image can be sent back.

    Args:
        names: of the images.
        docs: folder for the Data Docs; an old content is replaced.
    """
    from data_checks.judge import check_of
    from data_checks.suites import open_context, run_suites

    shutil.rmtree(docs, ignore_errors=True)
    first = max(0, len(answers) - MOST_ROWS)
    newest = answers.take(np.arange(first, len(answers)))
    frame = traffic_table(names[first:], newest, labels)
    expected = expectations(reference)
    results = run_suites(open_context(), expected, lambda *_: frame, docs)
    return [check_of(each, results.get(each.name), {}) for each in expected]


def traffic_table(names: Sequence[str], answers: Answers, labels: Sequence[str]) -> pd.DataFrame:
    """One row an image."""
    import pandas as pd

    frame = pd.DataFrame(
        {
            "image": list(names),
            "label": np.asarray(labels, object)[answers.classes],
            "probability": answers.confidence.astype(float),
            "total": answers.probabilities.sum(axis=1, dtype=float),
            "mean": answers.mean,
            "deviation": answers.deviation,
        }
    )
    frame["is_repeated"] = frame.duplicated(["mean", "deviation", "probability"])
    return frame


def expectations(reference: Answers) -> list[Expected]:
    """What is expected of single images, beside those that the model was tested on."""
    from great_expectations import expectations as gxe

    between = gxe.ExpectColumnValuesToBeBetween
    found = [
        Expected(
            "not blank", TABLE, "warn", f"all but {MOST_BLANK:.0%}",
            "a picture of one colour shows a broken camera, and is answered all the same",
            between(column="deviation", min_value=LEAST_DEVIATION, mostly=1 - MOST_BLANK),
        ),
        Expected(
            "answers are shares", TABLE, "warn", "probabilities add up to 1",
            "a model that was exported or quantized wrongly answers anything",
            between(column="total", min_value=0.99, max_value=1.01),
        ),
        Expected(
            "different images", TABLE, "warn", f"at most {MOST_REPEATED:.0%} repeated",
            "the same images again and again: a window of them is no sample of anything",
            gxe.ExpectColumnValuesToBeInSet(
                column="is_repeated", value_set=[False], mostly=1 - MOST_REPEATED
            ),
        ),
        Expected(
            "one image a name", TABLE, "warn", f"at most {MOST_BEYOND:.0%} named twice",
            "a request_id that occurs twice cannot be joined with a label that comes later",
            gxe.ExpectColumnValuesToBeUnique(column="image", mostly=1 - MOST_BEYOND),
        ),
    ]  # fmt: skip
    if not np.isfinite(reference.mean).all():
        return found
    low, high = float(reference.mean.min()), float(reference.mean.max())
    margin = MARGIN * (high - low)
    return [
        *found,
        Expected(
            "brightness that was tested", TABLE, "warn",
            f"{max(0.0, low - margin):.0f} … {min(255.0, high + margin):.0f}, "
            f"all but {MOST_BEYOND:.0%}",
            "of images brighter or darker than all test images nobody knows how they are answered",
            between(
                column="mean", min_value=low - margin, max_value=high + margin,
                mostly=1 - MOST_BEYOND,
            ),
        ),
    ]  # fmt: skip
