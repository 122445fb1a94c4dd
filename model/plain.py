"""
The short way from a plain PNG or JPEG of the right shape to its pixels.

Plain: grey or RGB of 8 bits, with no transparency, palette, profile text or orientation in it. Its
decoders (libspng, libjpeg-turbo) answer what Pillow answers, bit for bit, in a quarter of the time:
docs/adr/0006. Everything else, and everything that is not quite right, is left to Pillow.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

PNG: Final = b"\x89PNG\r\n\x1a\n"
JPEG: Final = b"\xff\xd8\xff"
PNG_COLOUR_TYPES: Final = {1: 0, 3: 2}  # by channels
JPEG_COLOUR_SPACES: Final = {1: "Gray", 3: "YCbCr"}
HARMLESS_CHUNKS: Final = frozenset((b"IDAT", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tIME", b"sBIT"))
MOST_CHUNKS: Final = 64
MARKS_OF_MORE: Final = (b"Exif\0", b"http://ns.adobe.com/xap/", b"MPF\0", b"ICC_PROFILE")


def decode_plain(data: bytes, shape: tuple[int, int, int]) -> NDArray[np.uint8] | None:
    """Pixels of a plain image of that shape (height, width, channels); ``None`` for any other."""
    if data.startswith(PNG):
        return _png(data, shape)
    if data.startswith(JPEG):
        return _jpeg(data, shape)
    return None


def _png(data: bytes, shape: tuple[int, int, int]) -> NDArray[np.uint8] | None:
    if len(data) < 57 or data[12:29] != _png_header(shape):
        return None
    end = 45 + int.from_bytes(data[33:37])  # of the chunk behind the header: mostly, all there is
    is_all = data[37:41] == b"IDAT" and data[end + 4 : end + 8] == b"IEND" and len(data) >= end + 12
    if not (is_all or _has_harmless_chunks_only(data)):
        return None
    try:
        pixels: NDArray[np.uint8] = _spng()(data)
    except (RuntimeError, ValueError):
        return None
    return pixels.reshape(shape)


@functools.lru_cache(maxsize=8)
def _png_header(shape: tuple[int, int, int]) -> bytes:
    height, width, channels = shape
    return struct.pack(
        ">4sIIBBBBB", b"IHDR", width, height, 8, PNG_COLOUR_TYPES[channels], 0, 0, 0
    )  # fmt: skip


@functools.cache
def _spng() -> Callable[[bytes], NDArray[np.uint8]]:
    """What ``pyspng.load`` calls for a file of any format, without what it does before."""
    from pyspng import c

    auto = c.SPNG_FMT_AUTO
    return lambda data: c.spng_decode_image_bytes(data, auto)


def _has_harmless_chunks_only(data: bytes) -> bool:
    place = 33  # behind signature and header
    for _ in range(MOST_CHUNKS):
        if place + 12 > len(data):
            return False
        size, kind = struct.unpack_from(">I4s", data, place)
        if kind == b"IEND":
            return True
        if kind not in HARMLESS_CHUNKS:
            return False
        place += 12 + size
    return False


def _jpeg(data: bytes, shape: tuple[int, int, int]) -> NDArray[np.uint8] | None:
    import simplejpeg

    height, width, channels = shape
    try:
        found = simplejpeg.decode_jpeg_header(data)
        if found[:3] != (height, width, JPEG_COLOUR_SPACES[channels]):
            return None
        if any(mark in data for mark in MARKS_OF_MORE):
            return None
        colour = "GRAY" if channels == 1 else "RGB"
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, colour)
    except ValueError:
        return None
    return pixels
