"""Any number of images, no two alike: the bundled sample again and again, each time with noise."""

from __future__ import annotations

import functools
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.results import ROOT
from data_checks.pool import in_order

if TYPE_CHECKING:
    import pyarrow as arrow

SAMPLE = ROOT / "model" / "sample" / "fashion-mnist.parquet"
ROWS_A_GROUP = 500  # as in the sample
NOISY_PIXELS, MOST_NOISE = (
    16,
    8,
)  # of 784; of 255: a PNG stays about as small, and as quick, as it was
BLANK_EVERY = 10_000  # one image of one colour, so that there is something to refuse and to draw


@dataclass(frozen=True)
class Copy:
    """Some images of one repetition of the sample; ``first`` counts all images."""

    number: int
    first: int
    count: int

    def read(self) -> Iterator[dict[str, Any]]:
        """Rows of the data set; seeded, so that each call and each machine makes the same."""
        pixels, names = _sample()
        random = np.random.default_rng(self.number)
        noisy = pixels[: self.count].astype(np.int16)
        places = random.integers(0, noisy[0].size, (len(noisy), NOISY_PIXELS))
        noise = random.integers(-MOST_NOISE, MOST_NOISE + 1, places.shape)
        noisy.reshape(len(noisy), -1)[np.arange(len(noisy))[:, None], places] += noise
        images = noisy.clip(0, 255).astype(np.uint8)
        images[(np.arange(len(images)) + self.first) % BLANK_EVERY == BLANK_EVERY - 1] = 90
        for at, image in enumerate(images):
            split, label = names[at]
            path = f"{split}/{label.replace('/', '-')}/{self.number:04d}-{at:04d}.png"
            yield {"image": {"bytes": _png(image), "path": path}, "label": label, "split": split}


def make_images(count: int, to: Path) -> Path:
    """Write ``count`` images as Parquet, laid out as the sample is; all cores encode."""
    import pyarrow.parquet as parquet

    if to.exists():
        return to
    size = len(_sample()[0])
    copies = [
        Copy(number, first, min(size, count - first))
        for number, first in zip(itertools.count(), range(0, count, size))
    ]
    draft = to.with_suffix(".draft")
    with parquet.ParquetWriter(draft, parquet.read_schema(SAMPLE), compression="zstd") as writer:
        for table in in_order(copies, _table, workers=2):
            writer.write_table(table, row_group_size=ROWS_A_GROUP)
    return draft.rename(to)


def _table(copy: Any) -> arrow.Table:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    return arrow.Table.from_pylist(list(copy.read()), schema=parquet.read_schema(SAMPLE))


@functools.cache
def _sample() -> tuple[NDArray[np.uint8], list[tuple[str, str]]]:
    import pyarrow.parquet as parquet

    rows = parquet.read_table(SAMPLE).to_pylist()
    decoded = [np.asarray(Image.open(io.BytesIO(row["image"]["bytes"]))) for row in rows]
    return np.stack(decoded), [(row["split"], row["label"]) for row in rows]


def _png(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()
