"""
One image as it is stored, before any conversion: what its header says, then its intensities.

Nothing larger than ``MOST_PIXELS`` is decoded, which its header tells beforehand.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MOST_PIXELS: Final = 50_000_000
# Plain formats alone: Pillow reads dozens, some by starting another program (EPS). The first five
# are those that it has at hand; it loads the modules of all the others only if none of them fits.
FORMATS: Final = (
    "PNG", "JPEG", "GIF", "BMP", "PPM", "TIFF", "WEBP", "DIB", "JPEG2000", "AVIF", "ICO",
)  # fmt: skip
# What its decoders are known to raise on damaged or unusual bytes; NotImplementedError is a
# RuntimeError, and a missing key or index a LookupError.
DAMAGED: Final = (
    OSError, SyntaxError, ValueError, EOFError, MemoryError, RuntimeError, LookupError,
    ArithmeticError, TypeError, AttributeError, struct.error, zlib.error,
    Image.DecompressionBombError,
)  # fmt: skip
# Pillow's modes whose bytes are intensities 0..255 already; no array is needed to hash those.
BYTES_A_PIXEL: Final = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}


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


class Header(NamedTuple):
    """What an image says of itself: format and mode as Pillow names them, sizes in pixels."""

    format: str = ""
    mode: str = ""
    height: int = 0
    width: int = 0
    channels: int = 0


class Pixels(NamedTuple):
    """Intensities 0..255: bytes of an array of this shape, (height, width[, channels])."""

    data: bytes
    shape: tuple[int, ...]
    kind: str  # "uint8", or "float32" where the file has another depth


def look_at(image: RawImage) -> tuple[Header, Pixels | None, str | None]:
    """Header, intensities and, if these cannot be had, the problem, in words for a person."""
    if image.fault or not image.data:
        return Header(), None, image.fault or "empty file"
    header = Header()
    try:
        if image.raw_shape:
            header = _raw_header(image.raw_shape)
            return header, _raw_pixels(image.data, header), None
        found = opened(image.data)
        header = _header(found)
        return header, _pixels(found), None
    except DAMAGED as error:
        return header, None, _plain(error)


@contextmanager
def quiet_about_size() -> Iterator[None]:
    """Pillow does not warn of large images within: the header tells us, and we say it better."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def opened(data: bytes) -> Image.Image:
    """Open by the header alone. Raises one of ``DAMAGED``: no header of an image."""
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ValueError(f"decompression bomb: {error}") from error


def _raw_header(shape: tuple[int, int, int]) -> Header:
    height, width, channels = shape
    return Header("RAW", "L" if channels == 1 else "RGB", height, width, channels)


def _raw_pixels(data: bytes, header: Header) -> Pixels:
    shape = (header.height, header.width, header.channels)
    np.frombuffer(data, np.uint8).reshape(shape)  # ValueError if there are more or fewer
    return Pixels(data, shape[:2] if header.channels == 1 else shape, "uint8")


def _header(image: Image.Image) -> Header:
    width, height = image.size
    return Header(image.format or "", image.mode, height, width, len(image.getbands()))


def _pixels(image: Image.Image) -> Pixels:
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise ValueError(
            f"decompression bomb: {width}x{height} pixels by its header, at most {MOST_PIXELS:,}"
        )
    if not width * height:
        raise ValueError(f"no pixels: {width}x{height} by its header")
    image.load()
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if channels := BYTES_A_PIXEL.get(image.mode):
        width, height = image.size  # a decoder may have scaled it
        shape = (height, width) if channels == 1 else (height, width, channels)
        return Pixels(image.tobytes(), shape, "uint8")
    pixels: NDArray[Any] = np.asarray(image)
    if pixels.dtype != np.uint8:  # 16 bits a pixel, or one: to 0..255, as the others
        scale = 255.0 if pixels.dtype == np.bool_ else 255 / 65535
        pixels = (pixels.astype(np.float32) * scale).astype(np.float32)
    return Pixels(pixels.tobytes(), pixels.shape, pixels.dtype.name)


def _plain(error: BaseException) -> str:
    text = str(error)
    if "cannot identify image file" in text:
        return "not an image in a known format"
    return text or type(error).__name__
