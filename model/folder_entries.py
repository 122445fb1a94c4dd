"""Files of class folders, read some at a time, and remote ones ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from model.image_files import bytes_of, is_local

MOST_AT_ONCE = 128  # files that are asked for together, and the bytes of them that are held:
MOST_HELD = 32 << 20
AHEAD = 1  # such requests beside the one whose images are looked at


@dataclass(frozen=True, slots=True)  # there may be a million
class Entry:
    """
    A file that was listed.

    Attributes:
        path: below the root.
        fault: why it must not be read, if so.
        size, mark: as in ``Found``.
    """

    path: str
    label: str
    split: str | None
    fault: str | None = None
    size: int = 0
    mark: str = ""


def read_entries(
    system: Any, root: str, entries: Iterable[Entry]
) -> Iterator[tuple[Entry, bytes, str | None]]:
    """
    Each with its bytes, or why there are none; some at a time, so that memory is bounded.

    Remote ones are asked for ahead, while those before are looked at.
    """
    if is_local(system):
        for entry in entries:
            yield from _fetched(system, root, [entry])
        return
    asked: deque[Future[list[tuple[Entry, bytes, str | None]]]] = deque()
    with ThreadPoolExecutor(AHEAD) as pool:
        for some in handfuls(entries, MOST_AT_ONCE):
            asked.append(pool.submit(_fetched, system, root, some))
            if len(asked) > AHEAD:
                yield from asked.popleft().result()
        while asked:
            yield from asked.popleft().result()


def _fetched(system: Any, root: str, entries: list[Entry]) -> list[tuple[Entry, bytes, str | None]]:
    wanted = [f"{root}/{entry.path}" for entry in entries if not entry.fault]
    found = iter(bytes_of(system, wanted) if wanted else ())
    return [(each, b"", each.fault) if each.fault else (each, *next(found)) for each in entries]


def handfuls(entries: Iterable[Entry], most: int) -> Iterator[list[Entry]]:
    """Some entries after the other: at most so many, and ``MOST_HELD`` bytes but for one alone."""
    some: list[Entry] = []
    held = 0
    for entry in entries:
        if some and (len(some) == most or held + entry.size > MOST_HELD):
            yield some
            some, held = [], 0
        some.append(entry)
        held += entry.size
    if some:
        yield some
