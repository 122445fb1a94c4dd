"""A data set in parts: each becomes one file of scores, and is made whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from model.images import CountedChunk, ImageSet, RawImage

PARTS = 256  # where there are images enough, for this many workers to share
LEAST_IMAGES, MOST_IMAGES = 2048, 32_768  # of a part: a tenth of a second's work, and some seconds'
MOST_BYTES = 32 << 20  # of a part's probabilities: a worker holds them in memory
SLICES = 16  # of a large row group: of each of them all that lies before it is read


@dataclass(frozen=True)
class Part:
    """
    Consecutive images of the data set.

    Attributes:
        number: its place among all parts.
        is_there: a file of that name lies there; is it whole?
    """

    number: int
    chunks: tuple[CountedChunk, ...]
    is_there: bool = False

    @property
    def images(self) -> int:
        """Of all splits."""
        return sum(chunk.images for chunk in self.chunks)

    def read(self, split: str | None) -> Iterator[RawImage]:
        """The images, or those of one split."""
        return (image for chunk in self.chunks for image in chunk.read(split))


def part_size(images: ImageSet, classes: int) -> int:
    """How many images a part has: by the data set and the number of classes, by nothing else."""
    largest = max(chunk.images for chunk in images.chunks())
    wanted = max(LEAST_IMAGES, len(images) // PARTS, largest // SLICES)
    fitting = MOST_BYTES // (4 * classes)
    return max(1, min(wanted, MOST_IMAGES, fitting))


def parts_of(images: ImageSet, size: int) -> Iterator[Part]:
    """All images in parts of ``size``, the last one smaller; chunks are cut where it must be."""
    held: list[CountedChunk] = []
    number, room = 0, size
    for chunk in images.chunks():
        first = 0
        while first < chunk.images:
            end = min(first + room, chunk.images)
            is_whole = (first, end) == (0, chunk.images)
            held.append(chunk if is_whole else chunk.some(first, end))
            room -= end - first
            first = end
            if not room:
                yield Part(number, tuple(held))
                number, held, room = number + 1, [], size
    if held:
        yield Part(number, tuple(held))
