"""A session that is lent: what is set of it, and kept by it, is as before afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

IMAGES_A_PART, MOST_PARTS = 20_000, 4000
Keep = Callable[[Any], Any]


@contextmanager
def settings(spark: Any, wanted: Mapping[str, object]) -> Iterator[None]:
    """Some settings of the session, for a while."""
    before = {name: spark.conf.get(name, None) for name in wanted}
    try:
        for name, value in wanted.items():
            spark.conf.set(name, str(value))
        yield
    finally:
        for name, value in before.items():
            if value is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, value)


def shuffled_parts(images: int, cores: int) -> int:
    """
    In how many parts rows are shuffled: some megabytes each.

    Spark's own 200 are too many for few images, and too few for many.
    """
    return max(2 * cores, min(images // IMAGES_A_PART, MOST_PARTS))


@contextmanager
def keeping() -> Iterator[Keep]:
    """
    A function that has a table computed, and kept by the workers until the end.

    Now, not when it is first used: how large it is then decides how it is joined.
    """
    with ExitStack() as stack:

        def keep(frame: Any) -> Any:
            kept = frame.persist()
            stack.callback(kept.unpersist)
            kept.count()
            return kept

        yield keep
