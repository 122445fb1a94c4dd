"""A first look at the images: what their headers tell, before any is decoded."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

from model.config import TrainConfig
from model.images import Chunk, RawImage
from model.pixels import BadImage, opened

WORKERS = 4
IN_FLIGHT = 16
GREY_MODES = {"1", "L", "LA", "I", "I;16", "I;16B", "F"}
Part = TypeVar("Part")


class Readable(Protocol):
    """Images that can be read in chunks, and the names of their classes."""

    @property
    def labels(self) -> tuple[str, ...]: ...
    def chunks(self) -> Iterator[Chunk]: ...


@dataclass(frozen=True)
class Known:
    """What a first look at each image's header tells."""

    height: int
    width: int
    is_colour: bool
    label: str
    split: str
    sha256: str


def look_at(images: Readable) -> list[Known]:
    """What the header of each image tells. Raises BadImage: one that is no image, by name."""
    return [each for part in each_chunk(images, _look) for each in part]


def shape_of(known: list[Known], config: TrainConfig) -> tuple[int, int, int]:
    """(height, width, channels): as configured, else the most frequent size, and any colour."""
    (height, width), _ = Counter((each.height, each.width) for each in known).most_common(1)[0]
    channels = config.channels or (3 if any(each.is_colour for each in known) else 1)
    return config.height or height, config.width or width, channels


def known_of(image: RawImage) -> Known:
    """What the header of one image tells. Raises BadImage: it is no image."""
    if image.raw_shape:
        height, width, channels = image.raw_shape
        is_colour = channels > 1
    else:
        try:
            header = opened(image.data)
        except BadImage as error:
            raise BadImage(f"{image.path}: {image.fault or error}") from error
        (width, height), is_colour = header.size, header.mode not in GREY_MODES
    digest = hashlib.sha256(image.data).hexdigest()
    return Known(height, width, is_colour, image.label, image.split, digest)


def each_chunk(images: Readable, work: Callable[[Chunk], Part]) -> Iterator[Part]:
    """Apply ``work`` to each chunk, some at a time, in order; never all of them in memory."""
    chunks = images.chunks()
    with ThreadPoolExecutor(WORKERS) as pool:
        while some := list(islice(chunks, IN_FLIGHT)):
            yield from pool.map(work, some)


def _look(chunk: Chunk) -> list[Known]:
    return [known_of(image) for image in chunk.read()]
