"""
The facts of one image: a row of the facts table. Pure, so that it runs anywhere.

An image is looked at as it is stored, before any conversion; nothing larger than ``MOST_PIXELS`` is
decoded, which its header tells beforehand.
"""

from __future__ import annotations

import functools
import hashlib
import io
import warnings
from collections.abc import Iterator
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MOST_PIXELS: Final = 50_000_000
HASH_SIDE: Final = 16  # a difference hash of 16 x 16 bits

COLUMNS: Final = {
    "path": "string", "label": "string", "split": "string", "format": "string", "mode": "string",
    "height": "int32", "width": "int32", "channels": "int32", "bytes": "int64",
    "file_sha256": "string", "pixel_sha256": "string", "perceptual_hash": "string",
    "mean": "float32", "deviation": "float32", "readable": "bool", "problem": "string",
}  # fmt: skip


class RawImage(Protocol):
    """One image as stored: encoded bytes, or bare intensities with their shape."""

    @property
    def path(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def split(self) -> str: ...
    @property
    def data(self) -> bytes: ...
    @property
    def raw_shape(self) -> tuple[int, int, int] | None: ...
    @property
    def fault(self) -> str | None: ...


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
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row.update(path=image.path, label=image.label, split=image.split, bytes=len(image.data))
    row.update(readable=False, format="", mode="", height=0, width=0, channels=0)
    row["file_sha256"] = hashlib.sha256(image.data).hexdigest()
    if image.fault or not image.data:
        row["problem"] = image.fault or "empty file"
        return row
    try:
        if image.raw_shape:
            pixels = _raw(image.data, image.raw_shape, row)
        else:
            pixels = _decoded(image.data, row)
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        row["problem"] = _plain(error)
        return row
    grey = pixels.mean(axis=2, dtype=np.float32) if pixels.ndim == 3 else pixels
    row["pixel_sha256"] = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
    row["perceptual_hash"] = perceptual_hash(grey)
    row["mean"], row["deviation"] = float(grey.mean()), float(grey.std())
    row["readable"] = True
    return row


def perceptual_hash(grey: NDArray[Any]) -> str:
    """
    Difference hash of an image: the same for a copy that was scaled, recompressed or brightened.

    Args:
        grey: intensities, shape (height, width).
    """
    rows, columns = _averaging(grey.shape[0], HASH_SIDE), _averaging(grey.shape[1], HASH_SIDE + 1)
    small = rows @ grey.astype(np.float32) @ columns.T
    return np.packbits(small[:, 1:] > small[:, :-1] + 1e-3).tobytes().hex()


@functools.lru_cache(maxsize=256)
def _averaging(size: int, places: int) -> NDArray[np.float32]:
    """Matrix (places, size) that averages ``size`` values into ``places``, by overlap."""
    edges = np.linspace(0, size, places + 1)
    low, high = edges[:-1, None], edges[1:, None]
    cells = np.arange(size)
    overlap = np.clip(np.minimum(high, cells + 1) - np.maximum(low, cells), 0, None)
    matrix: NDArray[np.float32] = (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)
    return matrix


def _raw(data: bytes, shape: tuple[int, int, int], row: dict[str, Any]) -> NDArray[np.uint8]:
    height, width, channels = shape
    mode = "L" if channels == 1 else "RGB"
    row.update(format="RAW", mode=mode, height=height, width=width, channels=channels)
    pixels = np.frombuffer(data, np.uint8).reshape(shape)
    return pixels[:, :, 0] if channels == 1 else pixels


def _decoded(data: bytes, row: dict[str, Any]) -> NDArray[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            image: Image.Image = Image.open(io.BytesIO(data))
            image_format = image.format or ""
        except Image.DecompressionBombError as error:
            raise ValueError(f"decompression bomb: {error}") from error
    width, height = image.size
    row.update(format=image_format, mode=image.mode, height=height, width=width)
    row["channels"] = len(image.getbands())
    if width * height > MOST_PIXELS:
        raise ValueError(
            f"decompression bomb: {width}x{height} pixels by its header, at most {MOST_PIXELS:,}"
        )
    image.load()
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8:  # 16 bits a pixel, or one: to 0..255, as the others
        scale = 255.0 if pixels.dtype == np.bool_ else 255 / 65535
        pixels = (pixels.astype(np.float32) * scale).astype(np.float32)
    return pixels


def _plain(error: BaseException) -> str:
    text = str(error)
    if "cannot identify image file" in text:
        return "not an image in a known format"
    return text or type(error).__name__
