"""Parquet files are read once, a few rows at a time, and as they are now."""

from __future__ import annotations

import hashlib
import io
from typing import ClassVar

import fsspec
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from fsspec.implementations.local import LocalFileSystem

from model import image_files, table_chunks, table_rows
from model.images import open_images
from tests.conftest import encoded, picture


class CountedFiles(LocalFileSystem):
    """Local files that count what is read of them."""

    protocol = "counted"
    read_bytes: ClassVar[list[int]] = []

    def _open(self, path, mode="rb", **options):
        counted = self.read_bytes

        class Counted(io.FileIO):
            def read(self, size=-1):
                data = super().read(size)
                counted.append(len(data))
                return data

        return Counted(path)


@pytest.fixture
def counted_files():
    fsspec.register_implementation("counted", CountedFiles, clobber=True)
    CountedFiles.read_bytes.clear()
    return CountedFiles.read_bytes


def rows(count: int, first: int = 0) -> list[dict[str, object]]:
    return [
        {"image": encoded(picture(n)), "label": "ab"[n % 2], "split": "train"}
        for n in range(first, first + count)
    ]


def write(table: list[dict[str, object]], path, group: int) -> None:
    parquet.write_table(arrow.Table.from_pylist(table), path, row_group_size=group)


def read(uri) -> list[bytes]:
    return [image.data for chunk in open_images(str(uri)).chunks() for image in chunk.read()]


def test_a_file_of_many_row_groups_is_read_about_once(tmp_path, counted_files):
    write(rows(300), tmp_path / "train.parquet", group=1)
    size = (tmp_path / "train.parquet").stat().st_size
    images = open_images(f"counted://{tmp_path}/train.parquet")
    counted_files.clear()

    found = [image.data for chunk in images.chunks() for image in chunk.read()]

    assert found == [row["image"] for row in rows(300)]
    assert size / 3 < sum(counted_files) < size * 2  # a footer for each would be 150 times that


def test_a_large_row_group_keeps_its_order_and_its_names(tmp_path):
    write(rows(700), tmp_path / "train.parquet", group=700)

    (chunk,) = open_images(str(tmp_path)).chunks()

    found = list(chunk.read())
    assert [image.data for image in found] == [row["image"] for row in rows(700)]
    assert [image.path for image in found] == [f"train/{n}" for n in range(700)]


def test_large_images_are_held_a_few_at_a_time(tmp_path, monkeypatch):
    """Of a row group as large as writers make them, no more than the memory meant for it."""
    monkeypatch.setattr(table_rows, "MOST_HELD", 40_000)
    images = [bytes([n]) * 9_000 for n in range(40)]
    table = arrow.table({"image": images, "label": ["a"] * 40, "split": ["train"] * 40})
    parquet.write_table(table, tmp_path / "large.parquet", use_dictionary=False)
    held: list[int] = []
    plain = table_rows.rows_of

    def watched(batches, *words):
        return plain((held.append(batch.num_rows) or batch for batch in batches), *words)

    monkeypatch.setattr(table_chunks, "rows_of", watched)

    assert read(tmp_path) == images

    assert held == [4] * 10


@pytest.mark.parametrize("as_struct", [True, False])
def test_a_giant_cell_is_a_fault_of_its_row_and_never_taken_out(tmp_path, monkeypatch, as_struct):
    images = [b"a" * 90, b"b" * 101, None, b"d" * 100]
    column = [{"bytes": each, "path": "p"} for each in images] if as_struct else images
    table = arrow.table({"image": column, "label": list("abab"), "split": ["train"] * 4})
    parquet.write_table(table, tmp_path / "t.parquet")
    monkeypatch.setattr(image_files, "MOST_BYTES", 100)

    (chunk,) = open_images(str(tmp_path)).chunks()

    found = list(chunk.read())
    assert [image.data for image in found] == [b"a" * 90, b"", b"", b"d" * 100]
    assert [image.fault for image in found] == [
        None, "too large: 101 bytes, at most 100", "no bytes in this row", None
    ]  # fmt: skip


def test_a_file_that_was_replaced_is_read_anew(tmp_path):
    write(rows(5), tmp_path / "train.parquet", group=5)
    assert read(tmp_path) == [row["image"] for row in rows(5)]

    write(rows(7, first=50), tmp_path / "train.parquet", group=2)

    assert read(tmp_path) == [row["image"] for row in rows(7, first=50)]


def test_the_digest_is_of_names_and_contents_in_their_order(tmp_path):
    names = [f"part-{n:02}.parquet" for n in range(20)]
    for n, name in enumerate(names):
        write(rows(20 - n, first=n), tmp_path / name, group=5)  # the first ones take longest

    parts = {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in names}

    whole = "".join(f"/{name}\0{part}\n" for name, part in parts.items())
    assert open_images(str(tmp_path)).digest() == hashlib.sha256(whole.encode()).hexdigest()


def test_other_columns_are_not_read(tmp_path, counted_files):
    table = [{**row, "embedding": picture(n).tobytes() * 900} for n, row in enumerate(rows(20))]
    path = tmp_path / "train.parquet"
    parquet.write_table(
        arrow.Table.from_pylist(table), path, compression="none", use_dictionary=False
    )

    assert len(read(f"counted://{path}")) == 20

    assert sum(counted_files) < path.stat().st_size / 10


@pytest.mark.parametrize("as_struct", [True, False])
def test_no_row_is_lost_where_columns_are_missing(tmp_path, as_struct):
    images = [encoded(picture(n)) for n in range(7)]
    column = [{"bytes": image} for image in images] if as_struct else images
    table = arrow.table({"image": column, "label": list("abababa")})
    parquet.write_table(table, tmp_path / "pictures.parquet")

    found = [raw for chunk in open_images(str(tmp_path)).chunks() for raw in chunk.read()]

    assert [raw.data for raw in found] == images
    assert [raw.path for raw in found] == [f"pictures/{n}" for n in range(7)]


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["train-00000-of-00001", "test-00000-of-00001"], {"train", "test"}),
        (["train", "validation-00000-of-00001"], {"train", "test"}),
        (["train", "val"], {"train", "test"}),
        (["train-1", "train-2"], {None}),  # a share of all is for the test
        (["train", "values"], {None}),
    ],
)
def test_names_of_files_declare_splits_as_folders_do(tmp_path, names, splits):
    for name in names:
        write([{"image": b"x", "label": "a"}], tmp_path / f"{name}.parquet", group=9)

    assert {chunk.split for chunk in open_images(str(tmp_path)).chunks()} == splits
