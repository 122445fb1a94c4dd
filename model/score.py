"""Answers of a model folder to a whole data set, by the very runtime of the scoring service."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.brightness import brightness
from model.folder import read_labels
from model.images import ImageSet, RawImage
from model.pixels import BadImage, decode
from model.scorer import Scorer

if TYPE_CHECKING:
    import pyarrow as arrow

__all__ = ["Scorer", "as_file", "images_of", "pixels_of", "score_images"]

BATCH = 32  # where LiteRT is fastest for a small image


def score_images(
    folder: Path | str, images: ImageSet, split: str = "test", *, file: str = "model.tflite"
) -> arrow.Table:
    """
    Score every image of one split, in the order of the data set; a batch in memory at a time.

    Args:
        folder: has the model and ``labels.json``.
        file: the model.

    Returns:
        Columns path, label, predicted, probabilities (one float32 a class), sha256 (of the bytes),
        mean and deviation (of the intensities 0..255 that the network got).

    Raises:
        BadImage: an image that cannot be decoded; the message names it.
        BadModelFolder: one of the two files is missing.
    """
    import pyarrow as arrow

    known = read_labels(Path(folder))
    scorer = Scorer(folder, threads=2, file=file)
    rest = images_of(images, split)
    rows = []
    while batch := list(islice(rest, BATCH)):
        pixels = np.stack([pixels_of(image, known.shape) for image in batch])
        answers = scorer.predict(pixels)
        for image, seen, answer in zip(batch, pixels, answers, strict=True):
            predicted = known.labels[int(answer.argmax())]
            digest = hashlib.sha256(image.data).hexdigest()
            rows.append((image.path, image.label, predicted, answer, digest, *brightness(seen)))
    names = ("path", "label", "predicted", "probabilities", "sha256", "mean", "deviation")
    text, numbers, real = arrow.string(), arrow.list_(arrow.float32()), arrow.float64()
    types = (text, text, text, numbers, text, real, real)
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return arrow.table(
        [arrow.array(column, kind) for column, kind in zip(columns, types, strict=True)],
        names=list(names),
    )


def images_of(images: ImageSet, split: str) -> Iterator[RawImage]:
    """The images of one split, in the order of the data set."""
    return (raw for chunk in images.chunks() for raw in chunk.read(split) if raw.split == split)


def pixels_of(image: RawImage, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """
    The pixels of a stored image in the shape of the network.

    Raises:
        BadImage: its bytes could not be had, or are no whole image; the message names it.
    """
    if image.fault:
        raise BadImage(f"{image.path}: {image.fault}")
    if image.raw_shape == shape:
        return np.frombuffer(image.data, np.uint8).reshape(shape)
    height, width, channels = shape
    try:
        return decode(as_file(image), height=height, width=width, channels=channels)
    except BadImage as error:
        raise BadImage(f"{image.path}: {error}") from error


def as_file(image: RawImage) -> bytes:
    """The bytes of an image file; bare intensities become a PNG."""
    if image.raw_shape is None:
        return image.data
    pixels = np.frombuffer(image.data, np.uint8).reshape(image.raw_shape)
    stream = io.BytesIO()
    Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).save(stream, "PNG")
    return stream.getvalue()
