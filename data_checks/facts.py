"""The facts of images: rows of the facts table. Pure, so that it runs anywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

from data_checks.decoding import Pixels, RawImage, look_at, quiet_about_size
from data_checks.stacks import Measures, Stacks

COLUMNS: Final = {
    "path": "string", "label": "string", "split": "string", "format": "string", "mode": "string",
    "height": "int32", "width": "int32", "channels": "int32", "bytes": "int64",
    "file_sha256": "string", "pixel_sha256": "string", "perceptual_hash": "string",
    "mean": "float32", "deviation": "float32", "readable": "bool", "problem": "string",
}  # fmt: skip
SEEN: Final = (
    "path", "label", "split", "format", "mode", "height", "width", "channels", "bytes",
    "file_sha256", "pixel_sha256", "readable", "problem",
)  # fmt: skip


class Chunk(Protocol):
    """Some images; small, so that it can be sent to another process, which reads them."""

    def read(self) -> Iterator[Any]: ...


def facts_of(image: RawImage) -> dict[str, Any]:
    """
    All that the checks need to know of one image.

    Returns:
        A value for each of ``COLUMNS``: sizes in pixels, ``mean`` and ``deviation`` of intensities
        0..255, ``perceptual_hash`` as 64 hexadecimal digits (a difference hash: is each of 16 x 16
        places brighter than its left neighbour). An image that cannot be read has ``readable``
        false and a ``problem``.
    """
    return {name: values[0] for name, values in columns_of([image]).items()}


def columns_of(images: Iterable[RawImage]) -> dict[str, list[Any]]:
    """The same facts of many images, by column, and several times quicker than one by one."""
    rows, stacks = [], Stacks()
    with quiet_about_size():
        for place, image in enumerate(images):
            header, pixels, problem = look_at(image)
            if pixels:
                stacks.add(place, pixels)
            rows.append((
                image.path, image.label, image.split, *header, len(image.data),
                hashlib.sha256(image.data).hexdigest(), pixels and _digest(pixels),
                pixels is not None, problem,
            ))  # fmt: skip
    stacks.flush()
    seen = zip(*rows, strict=True) if rows else ((),) * len(SEEN)
    columns = dict(zip(SEEN, map(list, seen), strict=True))
    for at, name in enumerate(Measures._fields):
        found = map(stacks.found.get, range(len(rows)))
        columns[name] = [measures and measures[at] for measures in found]
    return {name: columns[name] for name in COLUMNS}


def _digest(pixels: Pixels) -> str:
    return hashlib.sha256(f"{pixels.shape}".encode() + pixels.data).hexdigest()
