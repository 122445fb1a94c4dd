"""The short way to pixels answers what Pillow answers, bit for bit, or leaves it to Pillow."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from model.pixels import BadImage, decode
from model.plain import decode_plain
from tests.conftest import encoded, picture

SHAPES = [(16, 16, 1), (16, 16, 3), (17, 5, 3), (1, 1, 1), (40, 64, 3)]
JPEGS = [{"quality": 30}, {"quality": 95}, {"progressive": True}, {"subsampling": 0},
         {"subsampling": 2}, {"optimize": True}, {"dpi": (300, 300)}]  # fmt: skip
PNGS = [{}, {"compress_level": 0}, {"optimize": True}, {"dpi": (72, 72)}]


def made(shape, seed=1) -> Image.Image:
    height, width, channels = shape
    return picture(seed, height=height, width=width, channels=channels)


def by_pillow(data: bytes, channels: int) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("L" if channels == 1 else "RGB"))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("kind", "options"), [*[("PNG", o) for o in PNGS], *[("JPEG", o) for o in JPEGS]]
)
def test_a_plain_image_has_the_very_pixels_of_pillow(shape, kind, options):
    stream = io.BytesIO()
    made(shape).save(stream, kind, **options)

    pixels = decode_plain(stream.getvalue(), shape)

    assert pixels is not None
    assert pixels.shape == shape
    np.testing.assert_array_equal(pixels.squeeze(-1) if shape[2] == 1 else pixels,
                                  by_pillow(stream.getvalue(), shape[2]))  # fmt: skip


def with_gamma() -> bytes:
    stream, extra = io.BytesIO(), PngImagePlugin.PngInfo()
    extra.add(b"gAMA", (45455).to_bytes(4, "big"))
    made((16, 16, 1)).save(stream, "PNG", pnginfo=extra)
    return stream.getvalue()


def test_a_gamma_changes_nothing():
    np.testing.assert_array_equal(
        decode_plain(with_gamma(), (16, 16, 1)).squeeze(-1), np.asarray(made((16, 16, 1)))
    )


def turned() -> bytes:
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    made((16, 16, 3)).save(stream, "JPEG", exif=exif)
    return stream.getvalue()


def saved(mode: str, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    made((16, 16, 3)).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"hello",
        encoded(made((16, 17, 1))),
        saved("P"), saved("RGBA"), saved("LA"), saved("1"), saved("CMYK", "JPEG"),
        saved("L", transparency=3), saved("RGB", "JPEG", icc_profile=b"x" * 200),
        turned(),
        encoded(made((16, 16, 1)))[:-30], encoded(made((16, 16, 3)), "JPEG")[:-60],
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_pillow(data):
    assert decode_plain(data, (16, 16, 1)) is None
    assert decode_plain(data, (16, 16, 3)) is None


def test_any_damage_to_one_byte_is_answered_or_refused_as_pillow_does():
    """Whichever way it goes, a caller sees pixels of the right shape, or ``BadImage``."""
    whole = bytearray(encoded(made((16, 16, 1))))
    outcomes = set()
    for place in range(len(whole)):
        spoiled = whole.copy()
        spoiled[place] ^= 0x55
        try:
            outcomes.add(decode(bytes(spoiled), height=16, width=16, channels=1).shape)
        except BadImage:
            outcomes.add("refused")

    assert outcomes == {(16, 16, 1), "refused"}


def test_an_upright_turn_is_still_applied():
    turned_pixels = decode(turned(), height=16, width=16, channels=3)
    plain = decode(encoded(made((16, 16, 3)), "JPEG"), height=16, width=16, channels=3)

    assert np.abs(turned_pixels.astype(int) - np.rot90(plain, -1)).mean() < 12
