"""One way from bytes to pixels, in training and in service."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from model.pixels import BadImage, decode, opened
from tests.conftest import bomb, damaged_avif, encoded, picture


def test_a_png_of_the_right_size_is_unchanged():
    image = picture(1)

    pixels = decode(encoded(image), height=16, width=16, channels=1)

    np.testing.assert_array_equal(pixels[:, :, 0], np.asarray(image))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_becomes_what_the_network_takes(mode, channels):
    value = 255 if mode == "1" else 200
    image = Image.fromarray(np.full((6, 5), value, np.uint8)).convert(mode)
    if mode == "I;16":  # which Pillow's conversion would not scale
        image = Image.fromarray(np.full((6, 5), value * 257, np.uint16))
    data = encoded(image, "TIFF" if mode == "CMYK" else "PNG")

    pixels = decode(data, height=6, width=5, channels=channels)

    assert pixels.shape == (6, 5, channels)
    assert np.abs(pixels.astype(int) - value).max() <= 2


def test_transparency_is_laid_on_white():
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))

    assert decode(encoded(image), height=4, width=4, channels=1).min() == 255


def test_the_camera_orientation_is_applied():
    image = Image.new("L", (4, 2))
    image.putpixel((0, 0), 255)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    stream = io.BytesIO()
    image.save(stream, "PNG", exif=exif)

    pixels = decode(stream.getvalue(), height=4, width=2, channels=1)

    assert pixels[0, 1, 0] == 255


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not an image"),
        (b"hello, this is text", "not an image"),
        (encoded(picture(1, height=64, width=64, channels=3), "JPEG")[:-400], "truncated"),
        (encoded(picture(1))[:-30], "truncated"),
    ],
)
def test_what_is_no_whole_image_is_refused(data, says):
    with pytest.raises(BadImage, match=says):
        decode(data, height=16, width=16, channels=1)


def test_a_decompression_bomb_is_refused_by_its_header():
    with pytest.raises(BadImage, match="too large"):
        decode(bomb(), height=16, width=16, channels=1)


@pytest.mark.parametrize("kind", ["EPS", "DDS", "IM"])
def test_a_format_that_is_not_plain_is_never_opened(kind):
    with pytest.raises(BadImage, match="not an image in a format"):
        opened(encoded(picture(1, channels=3), kind))


@pytest.mark.parametrize("kind", ["GIF", "BMP", "PPM", "TIFF", "WEBP", "MPO", "JPEG2000"])
def test_every_plain_format_is_decoded(kind):
    data = encoded(picture(1, channels=3), kind)

    assert decode(data, height=16, width=16, channels=3).shape == (16, 16, 3)


def test_a_damaged_avif_is_a_bad_image_though_its_decoder_raises_a_runtime_error():
    with pytest.raises(BadImage):
        decode(damaged_avif(), height=16, width=16, channels=3)
