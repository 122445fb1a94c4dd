"""
Make the bundled sample from the IDX files of Fashion-MNIST.

    python -m model.sample.make_sample --idx FOLDER       # Debian: package dataset-fashion-mnist
    python -m model.sample.make_sample --keras FOLDER     # download through Keras into FOLDER first

The first images of every class are taken, so the same files give the same sample, byte for byte.
"""

from __future__ import annotations

import gzip
import io
from collections import Counter
from pathlib import Path

import cyclopts
from PIL import Image

from model.images import RawImage, open_images
from model.score import pixels_of

TARGET = Path(__file__).with_name("fashion-mnist.parquet")
EACH_CLASS = {"train": 500, "test": 100}
ROWS_A_GROUP = 500
SHAPE = (28, 28, 1)
NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip

app = cyclopts.App(name="make_sample", help=__doc__)


@app.default
def make_sample(*, idx: Path | None = None, keras: Path | None = None, to: Path = TARGET) -> None:
    """
    Take the first images of every class.

    Parameters
    ----------
    idx
        Folder with the four IDX files.
    keras
        Folder to download them into, where there is internet; then as with --idx.
    to
        The Parquet file to write.
    """
    if keras:
        download(keras)
    folder = idx or keras
    if folder is None:
        raise SystemExit("say where the IDX files are: --idx FOLDER, or --keras FOLDER")
    taken: Counter[tuple[str, str]] = Counter()
    rows = []
    for chunk in open_images(str(folder)).chunks():
        for image in chunk.read():
            key = (image.split, image.label)
            if taken[key] < EACH_CLASS[image.split]:
                rows.append(_row(image, taken[key]))
                taken[key] += 1
    write(rows, to)
    print(f"{to}: {len(rows)} images, {to.stat().st_size / 1e6:.1f} MB")


def download(folder: Path) -> None:
    """Write the IDX files that Keras downloads into ``folder``."""
    from keras.datasets import fashion_mnist

    folder.mkdir(parents=True, exist_ok=True)
    for part, (images, labels) in zip(("train", "t10k"), fashion_mnist.load_data(), strict=True):
        head = b"".join(n.to_bytes(4, "big") for n in (0x0803, *images.shape))
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(head + images.tobytes())
        )
        head = b"".join(n.to_bytes(4, "big") for n in (0x0801, *labels.shape))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(
            gzip.compress(head + labels.tobytes())
        )


def write(rows: list[dict[str, object]], to: Path) -> None:
    """Write the rows as Parquet, in small row groups: they are what a reader can take at a time."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    image = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    schema = arrow.schema([("image", image), ("label", arrow.string()), ("split", arrow.string())])
    table = arrow.Table.from_pylist(rows, schema=schema)
    parquet.write_table(table, to, row_group_size=ROWS_A_GROUP, compression="zstd")


def _row(image: RawImage, number: int) -> dict[str, object]:
    label = NAMES[int(image.label)] if image.label.isdigit() else image.label
    slug = label.lower().replace("/", "-").replace(" ", "-")
    pixels = pixels_of(image, SHAPE)[:, :, 0]
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "PNG", optimize=True)
    path = f"{image.split}/{slug}/{number:04d}.png"
    return {
        "image": {"bytes": encoded.getvalue(), "path": path},
        "label": label,
        "split": image.split,
    }


if __name__ == "__main__":
    app()
