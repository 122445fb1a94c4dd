"""
From the bytes of an image file to the pixels that a network sees.

Training and the scoring service both decode here, so a model never meets other pixels than those
that it learned from. Plain files of the right shape take a short way (``model.plain``), which
answers bit for bit what the long way, Pillow, would.
"""

from __future__ import annotations

import functools
import io
import struct
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from model.plain import decode_plain

if TYPE_CHECKING:
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
)  # fmt: skip


class BadImage(ValueError):
    """Bytes that are no image, no whole one, or too large to decode; the message says which."""


def decode(
    data: bytes, *, height: int, width: int, channels: int, most_pixels: int = MOST_PIXELS
) -> NDArray[np.uint8]:
    """
    Decode an image and bring it to one shape.

    Palettes are expanded, CMYK becomes RGB, transparency is laid on white, 16-bit intensities are
    scaled to 8 bits, the camera's orientation (EXIF) is applied; another size is resized.

    Args:
        data: the bytes of a PNG, JPEG, or another of ``FORMATS``.
        height, width: size of the answer, in pixels.
        channels: 1 for luminance, 3 for red, green and blue.
        most_pixels: that an image may have; known by its header, before anything is decoded.

    Returns:
        Intensities 0..255, shape (height, width, channels).

    Raises:
        BadImage: not an image, truncated, or more than ``most_pixels`` pixels.
    """
    plain = decode_plain(data, (height, width, channels))
    if plain is not None:
        return plain
    from PIL import Image, ImageOps

    image = _small_enough(opened(data), most_pixels)
    try:
        upright = ImageOps.exif_transpose(image)
        flat = _to_mode(upright, "L" if channels == 1 else "RGB")
    except (*DAMAGED, Image.DecompressionBombError) as error:
        raise BadImage(f"truncated or damaged image: {error}") from error
    if flat.size != (width, height):
        flat = flat.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(flat, dtype=np.uint8).reshape(height, width, channels)


def opened(data: bytes) -> Image.Image:
    """Open by the header alone; nothing is decoded yet. Raises BadImage: no header of an image."""
    from PIL import Image

    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except DAMAGED as error:
        raise BadImage("not an image in a format that can be read (PNG or JPEG is best)") from error
    except Image.DecompressionBombError as error:
        raise BadImage(f"too large: {error}") from error


def _small_enough(image: Image.Image, most_pixels: int) -> Image.Image:
    columns, rows = image.size
    if columns * rows > most_pixels:
        raise BadImage(f"too large: {columns}x{rows} pixels, at most {most_pixels:,}")
    return image


def _to_mode(image: Image.Image, mode: str) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_eight_bits(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        import PIL.Image

        ground = PIL.Image.new("RGBA", image.size, "white")
        image = PIL.Image.alpha_composite(ground, image.convert("RGBA"))
    flat = image if image.mode == mode else image.convert(mode)
    flat.load()
    return flat


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit (or wider) intensities; Pillow's own conversion would clip them to white."""
    import PIL.Image

    values: NDArray[Any] = np.asarray(image)
    is_wide = values.max(initial=0) > 255 or "16" in image.mode
    if values.dtype.kind == "f":
        scaled = np.clip(np.rint(values * np.float32(255 / 65535 if is_wide else 1)), 0, 255)
        return PIL.Image.fromarray(scaled.astype(np.uint8))
    held = values if values.dtype == np.uint16 else np.clip(values, 0, 65535).astype(np.uint16)
    return PIL.Image.fromarray(_sixteen_to_eight()[held] if is_wide else held.astype(np.uint8))


@functools.cache
def _sixteen_to_eight() -> NDArray[np.uint8]:
    """A table: an eighth of the memory that a calculation on a large image would take."""
    table: NDArray[np.uint8] = np.rint(np.arange(65536) * (255 / 65535)).astype(np.uint8)
    return table
