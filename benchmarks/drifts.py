"""
Traffic with and without drift, of images that a model neither learned from nor was tested on.

The bundled sample is parted: of the training images of each class, 300 train a model, and 200 are
traffic; its test images are the reference, as in a release.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from benchmarks.noisy_images import SAMPLE

LEARNED = 300  # of the 500 training images of each class
SHAPE = (28, 28, 1)

Pixels = NDArray[np.uint8]
Random = np.random.Generator


@dataclass(frozen=True)
class Pool:
    """Images to draw traffic from, shape (images, 28, 28, 1), and their labels."""

    pixels: Pixels
    labels: NDArray[Any]

    def draw(self, size: int, random: Random) -> Pixels:
        """Some images, each class as likely as the others."""
        drawn: Pixels = self.pixels[random.integers(0, len(self.pixels), size)]
        return drawn


@dataclass(frozen=True)
class Drift:
    """A kind of drift: what is sent instead of images of the pool."""

    name: str
    draw: Callable[[Pool, int, Random], Pixels]


def part_sample(to: Path) -> Pool:
    """Write the data set to train on, and answer the images that are left for traffic."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    table = parquet.read_table(SAMPLE)
    rows = table.to_pylist()
    seen: dict[str, int] = {}
    kept: list[int] = []
    left: list[int] = []
    for at, row in enumerate(rows):
        if row["split"] == "train":
            seen[row["label"]] = seen.get(row["label"], 0) + 1
        is_left = row["split"] == "train" and seen[row["label"]] > LEARNED
        (left if is_left else kept).append(at)
    parquet.write_table(table.take(arrow.array(kept)), to)
    pixels = [_decoded(rows[at]["image"]) for at in left]
    return Pool(np.stack(pixels), np.array([rows[at]["label"] for at in left]))


def darker(factor: float) -> Drift:
    """Less light: all intensities times ``factor``."""
    return _changed(
        f"darker, {factor:.0%} of the light", lambda p, _: (p * factor).astype(np.uint8)
    )


def noisy(deviation: float) -> Drift:
    """A worse sensor: Gaussian noise of that deviation, of intensities 0..255."""

    def change(pixels: Pixels, random: Random) -> Pixels:
        noise = random.normal(0, deviation, pixels.shape)
        return np.rint(pixels + noise).clip(0, 255).astype(np.uint8)

    return _changed(f"noise, deviation {deviation:g}", change)


def blurred(radius: float) -> Drift:
    """Out of focus: Gaussian blur of that radius in pixels."""

    def change(pixels: Pixels, _: Random) -> Pixels:
        images = [Image.fromarray(each.squeeze(-1)) for each in pixels]
        found = [np.asarray(each.filter(ImageFilter.GaussianBlur(radius))) for each in images]
        return np.stack(found)[..., None]

    return _changed(f"blurred, radius {radius:g}", change)


def rotated() -> Drift:
    """A camera on its side."""
    return _changed("rotated by 90°", lambda p, _: np.rot90(p, axes=(1, 2)).copy())


def mirrored() -> Drift:
    """Left and right changed."""
    return _changed("mirrored", lambda p, _: p[:, :, ::-1].copy())


def more_of(label: str, share: float) -> Drift:
    """One class is asked about more often: it has that share of the images."""

    def draw(pool: Pool, size: int, random: Random) -> Pixels:
        ours = np.flatnonzero(pool.labels == label)
        others = np.flatnonzero(pool.labels != label)
        is_ours = random.random(size) < share
        places = np.where(is_ours, random.choice(ours, size), random.choice(others, size))
        found: Pixels = pool.pixels[places]
        return found

    return Drift(f"{label}: {share:.0%} of the images, not 10%", draw)


def unknown(share: float) -> Drift:
    """Images of another kind, digits, are that share of all."""

    def draw(pool: Pool, size: int, random: Random) -> Pixels:
        pixels = pool.draw(size, random)
        strangers = np.flatnonzero(random.random(size) < share)
        for at in strangers:
            pixels[at] = _digit(random)
        return pixels

    return Drift(f"unknown class (digits), {share:.0%}", draw)


def none() -> Drift:
    """No drift."""
    return Drift("no drift", Pool.draw)


def _changed(name: str, change: Callable[[Pixels, Random], Pixels]) -> Drift:
    return Drift(name, lambda pool, size, random: change(pool.draw(size, random), random))


def _digit(random: Random) -> Pixels:
    image = Image.new("L", (28, 28))
    font = ImageFont.load_default(int(random.integers(18, 26)))
    place = tuple(random.integers(0, 10, 2).tolist())
    text, fill = str(random.integers(0, 10)), int(random.integers(160, 256))
    ImageDraw.Draw(image).text(place, text, fill=fill, font=font)
    return np.asarray(image)[..., None]


def _decoded(stored: Any) -> Pixels:
    from model.pixels import decode

    data = stored["bytes"] if isinstance(stored, dict) else stored
    height, width, channels = SHAPE
    return decode(data, height=height, width=width, channels=channels)
