"""The training images of a data set alone: for a search that must not know the test images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model.arrays import Arrays, training_pixels
from model.config import TrainConfig
from model.headers import look_at, shape_of
from model.images import BadDataset, Chunk, ImageSet, RawImage, open_images


@dataclass(frozen=True)
class TrainingChunk:
    """A chunk of which only training images can be read."""

    chunk: Chunk

    def read(self, split: str | None = "train") -> Iterator[RawImage]:
        if split not in (None, "train"):
            raise ValueError(f"the {split} split cannot be read here, only training images")
        return self.chunk.read("train")


class TrainingSplit:
    """
    A data set without its test split: whoever holds this cannot look at a test image.

    Files and rows that are declared to be of the test split are not read; where no split is
    declared, an image's bytes are digested to find its split, and a test image is dropped there.
    The names of the classes are those of the whole data set, as for a release.
    """

    def __init__(self, images: ImageSet) -> None:
        self.uri, self.name, self.labels = images.uri, images.name, images.labels
        self._chunks = images.chunks

    def chunks(self, images: int = 512) -> Iterator[Chunk]:
        """The training images, about ``images`` read at once."""
        return (TrainingChunk(chunk) for chunk in self._chunks(images))


def open_training_split(uri: str) -> TrainingSplit:
    """Find the data set at ``uri``. Raises BadDataset as ``open_images`` does."""
    return TrainingSplit(open_images(uri))


def load_training_arrays(images: TrainingSplit, config: TrainConfig, scratch: Path) -> Arrays:
    """
    Decode the training images; of test images, the arrays know none.

    Raises:
        BadDataset: fewer than two classes, or than two training images.
        BadImage: a training image that cannot be decoded, by name.
    """
    train = look_at(images)
    if len(images.labels) < 2 or len(train) < 2:
        raise BadDataset(
            f"{images.uri} has {len(images.labels)} classes and {len(train)} training images; "
            "a search needs two of each"
        )
    shape = shape_of(train, config)
    pixels, labels = training_pixels(images, train, shape, scratch)
    return Arrays(pixels, labels, shape, test_images=0, test_digest="")
