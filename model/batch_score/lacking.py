"""What this machine lacks for what was asked: said before an image is read."""

from __future__ import annotations

import importlib.util

from model.batch_score.options import Scoring
from model.spark_here import lacking


class NotInstalled(ValueError):
    """A library, or a program, is missing; the message says how to get it."""


def ask_for_what_it_takes(scoring: Scoring) -> None:
    """Raises NotInstalled."""
    if scoring.engine == "spark" and (why := lacking()):
        raise NotInstalled(f"--engine spark: {why}")
    if scoring.format == "delta" and importlib.util.find_spec("deltalake") is None:
        raise NotInstalled("--format delta: deltalake is not installed: make .venv/spark")
