"""The contact sheet: offending images, each with its path and the check that it failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from data_checks.decoding import DAMAGED, MOST_PIXELS, opened
from data_checks.facts import Chunk

TILES, COLUMNS, SIDE, TEXT = 60, 6, 160, 44


def contact_sheet(chunks: Iterable[Chunk], failed: Mapping[str, str], to: Path) -> Path | None:
    """
    Draw the first offending images, those of one check side by side.

    Args:
        chunks: that have the offenders; they are read until all are drawn.
        failed: path of an image → name of the check that it failed, in the order to draw.
        to: the PNG to write; nothing is written if no image failed.
    """
    wanted = list(failed)[:TILES]
    found: dict[str, Image.Image] = {}
    for chunk in chunks if wanted else ():
        missing = set(wanted) - found.keys()
        found |= {each.path: _picture(each) for each in chunk.read() if each.path in missing}
        if len(found) == len(wanted):
            break
    tiles = [(found[path], path, failed[path]) for path in wanted if path in found]
    if not tiles:
        return None
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIDE, rows * (SIDE + TEXT)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for place, (picture, path, check) in enumerate(tiles):
        left, top = place % COLUMNS * SIDE, place // COLUMNS * (SIDE + TEXT)
        sheet.paste(picture, (left + (SIDE - picture.width) // 2, top + 4))
        draw.text((left + 4, top + SIDE + 2), _fit(path), fill="black", font=font)
        draw.text((left + 4, top + SIDE + 18), check[:26], fill="#b91c1c", font=font)
    sheet.save(to)
    return to


def _picture(image: Any) -> Image.Image:
    """The image, scaled into its tile; a grey cross for one that cannot be read."""
    try:
        if image.raw_shape:
            pixels = np.frombuffer(image.data, np.uint8).reshape(image.raw_shape)
            found = Image.fromarray(pixels.squeeze())
        else:
            found = opened(image.data)
            if found.width * found.height > MOST_PIXELS:
                raise ValueError("too large to draw")
        found = found.convert("RGB")
    except DAMAGED:
        found = Image.new("RGB", (SIDE - 8, SIDE - 8), "#e5e7eb")
        ImageDraw.Draw(found).line((0, 0, SIDE, SIDE), fill="#9ca3af", width=3)
        return found
    scale = (SIDE - 8) / max(found.size)
    size = (max(1, round(found.width * scale)), max(1, round(found.height * scale)))
    return found.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX)


def _fit(path: str) -> str:
    plain = path.encode("latin-1", "replace").decode("latin-1")
    plain = "".join(each if each.isprintable() else "?" for each in plain)  # no second line
    return plain if len(plain) <= 26 else f"…{plain[-25:]}".replace("…", "..")
