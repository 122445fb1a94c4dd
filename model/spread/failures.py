"""Why workers could not learn."""

from __future__ import annotations


class CannotSpread(ValueError):
    """There cannot be so many workers here; the message says why, and what would do."""


class UnevenlySeated(CannotSpread):
    """Spark put the workers where they would not have as many GPUs each."""


class WorkersLost(RuntimeError):
    """Workers were lost again and again, and nothing was finished in between."""
