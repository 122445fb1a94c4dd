"""
From the bytes of an image file to the pixels that a network sees.

Training and the scoring service both decode here, so a model never meets other pixels than those
that it learned from.
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

MOST_PIXELS: Final = 50_000_000


class BadImage(ValueError):
    """Bytes that are no image, no whole one, or too large to decode; the message says which."""


def decode(data: bytes, *, height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """
    Decode an image and bring it to one shape.

    Palettes are expanded, CMYK becomes RGB, transparency is laid on white, 16-bit intensities are
    scaled to 8 bits, the camera's orientation (EXIF) is applied; another size is resized.

    Args:
        data: the bytes of a PNG, JPEG, or any other format that Pillow reads.
        height, width: size of the answer, in pixels.
        channels: 1 for luminance, 3 for red, green and blue.

    Returns:
        Intensities 0..255, shape (height, width, channels).

    Raises:
        BadImage: not an image, truncated, or more than ``MOST_PIXELS`` pixels (known by its
            header, before anything is decoded).
    """
    image = _open(data)
    try:
        upright = ImageOps.exif_transpose(image)
        flat = _to_mode(upright, "L" if channels == 1 else "RGB")
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise BadImage(f"truncated or damaged image: {error}") from error
    if flat.size != (width, height):
        flat = flat.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(flat, dtype=np.uint8).reshape(height, width, channels)


def _open(data: bytes) -> Image.Image:
    """Open by the header alone; nothing is decoded yet."""
    try:
        image = Image.open(io.BytesIO(data))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise BadImage("not an image in a format that can be read (PNG or JPEG is best)") from error
    except Image.DecompressionBombError as error:
        raise BadImage(f"too large: {error}") from error
    columns, rows = image.size
    if columns * rows > MOST_PIXELS:
        raise BadImage(f"too large: {columns}x{rows} pixels, at most {MOST_PIXELS:,}")
    return image


def _to_mode(image: Image.Image, mode: str) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_eight_bits(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image.convert("RGBA"))
    flat = image if image.mode == mode else image.convert(mode)
    flat.load()
    return flat


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit (or wider) intensities; Pillow's own conversion would clip them to white."""
    values = np.asarray(image).astype(np.float64)
    scale = 255 / 65535 if values.max(initial=0) > 255 or "16" in image.mode else 1.0
    return Image.fromarray(np.clip(np.rint(values * scale), 0, 255).astype(np.uint8), "L")
