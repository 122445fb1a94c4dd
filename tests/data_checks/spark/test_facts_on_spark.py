"""Facts by Spark: those of the pool, in order, whole or not at all; faults are told plainly."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from data_checks.limits import Limits
from data_checks.spark import facts as writing
from data_checks.spark.check import check_images_on_spark
from data_checks.spark.facts import read_facts, write_facts
from data_checks.spark.seen import ROW_BITS
from data_checks.table import FactsFailed, facts_table
from model.image_files import StorageIll
from model.images import BadDataset, RawImage, open_images
from tests.conftest import encoded, picture

pytestmark = pytest.mark.spark


class Some:
    """A chunk of pictures that lie nowhere."""

    def __init__(self, first: int, count: int) -> None:
        self.first, self.count = first, count

    def read(self):
        for number in range(self.first, self.first + self.count):
            yield RawImage(f"{number}.png", "ab"[number % 2], "train", encoded(picture(number)))


def some(*counts: int) -> list[Some]:
    return [Some(sum(counts[:at]), count) for at, count in enumerate(counts)]


@pytest.mark.parametrize("tasks", [1, 4, 100])
def test_facts_are_those_of_the_pool_in_the_order_of_the_data_set(
    spark, tmp_path, monkeypatch, tasks
):
    monkeypatch.setattr(writing, "_tasks", lambda chunks, cores: min(tasks, chunks))
    chunks = some(5, 0, 8, 1, 3, 30, 0, 2)
    told: list[int] = []

    seen = write_facts(spark, chunks, tmp_path / "facts", progress=told.append)

    plain = parquet.read_table(facts_table(chunks, tmp_path / "plain", workers=1))
    assert parquet.read_table(tmp_path / "facts").equals(plain)
    assert [images for _, _, images in seen.rows] == [5, 0, 8, 1, 3, 30, 0, 2]
    assert (seen.images, told[-1], sorted(told)) == (49, 49, told)
    assert len(list((tmp_path / "facts").iterdir())) == min(tasks, 8)


def test_a_position_leads_to_the_row_and_the_chunk_of_its_image(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_tasks", lambda *_: 3)
    chunks = some(4, 7, 1, 0, 6, 2, 2)
    seen = write_facts(spark, chunks, tmp_path / "facts")

    rows = read_facts(spark, tmp_path / "facts").select("path", "position").collect()

    for path, position in rows:
        (row,) = seen.rows_at([position])
        (chunk,) = seen.chunks_with([row])
        assert f"{row}.png" == path
        assert path in {image.path for image in chunks[chunk].read()}
    assert {position >> ROW_BITS for _, position in rows} == {0, 1, 2}


def test_a_large_part_is_numbered_through_its_row_groups(spark, tmp_path, monkeypatch):
    monkeypatch.setattr("data_checks.table.ROWS_A_GROUP", 3)
    facts_table(some(20), tmp_path / "facts" / "part-00000002.parquet", workers=1)
    assert parquet.ParquetFile(tmp_path / "facts" / "part-00000002.parquet").num_row_groups == 1
    rows = parquet.read_table(tmp_path / "facts" / "part-00000002.parquet")
    parquet.write_table(rows, tmp_path / "facts" / "part-00000002.parquet", row_group_size=3)

    found = read_facts(spark, tmp_path / "facts").orderBy("position").collect()

    assert [row.position - (2 << ROW_BITS) for row in found] == list(range(20))
    assert [row.path for row in found] == rows["path"].to_pylist()


class Deadly:
    """A chunk that kills the process which reads it, as a decoder might."""

    def read(self):
        os._exit(9)


class Hanging:
    """A chunk whose storage never answers."""

    def read(self):
        time.sleep(3600)
        yield


class Broken:
    """A chunk whose reading fails with an error of more than a message."""

    def read(self):
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "said\nin two lines")


class Deaf:
    """A chunk whose decoder hangs and keeps the interpreter's lock: no thread of Python's runs."""

    def read(self):
        ctypes.PyDLL(None).sleep(300)
        yield


class Noted:
    """A chunk that notes each time it is read, and then does what ``kind`` does."""

    def __init__(self, place: Path, kind: type) -> None:
        self.place, self.kind = place, kind

    def read(self):
        with self.place.open("a") as log:
            log.write("read\n")
        yield from self.kind().read()


class Ill:
    """A chunk whose storage does not answer for now."""

    def read(self):
        raise StorageIll("a disk: Connection reset by peer")


class Slow:
    """A chunk that takes a while."""

    def read(self):
        time.sleep(0.5)
        return iter(())


class Bad:
    """A chunk of a file that is none."""

    def read(self):
        raise BadDataset("x.parquet cannot be read")


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*")]


def test_a_worker_that_dies_is_told_as_by_the_pool_and_leaves_no_facts(spark, tmp_path):
    chunks = [*some(3, 3), Deadly(), *some(3)]

    with pytest.raises(FactsFailed, match="died: out of memory") as told:
        check_images_on_spark(spark, chunks, labels="ab", limits=Limits(), out=tmp_path / "out")

    assert "\n" not in str(told.value)
    assert left(tmp_path / "out") == []


def test_a_chunk_that_hangs_is_told_and_not_waited_for(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "MOST_SECONDS_A_CHUNK", 1)

    with pytest.raises(FactsFailed, match="within 1 s; does the storage"):
        write_facts(spark, [Hanging()], tmp_path / "facts")

    assert left(tmp_path) == []


def test_a_chunk_that_hangs_with_pythons_lock_held_ends_its_worker(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "MOST_SECONDS_A_CHUNK", 2)
    begun = time.monotonic()

    with pytest.raises(FactsFailed, match="within 2 s; does the storage"):
        write_facts(spark, [Noted(tmp_path / "log", Deaf)], tmp_path / "facts")

    assert time.monotonic() - begun < 200
    assert left(tmp_path) == ["log"]
    assert (tmp_path / "log").read_text() == "read\n"  # the next attempt knows it


@pytest.mark.parametrize(
    ("kind", "error", "times"), [(Bad, BadDataset, 1), (Hanging, FactsFailed, 1), (Ill, OSError, 4)]
)
def test_what_would_be_found_again_is_not_tried_again(
    spark, tmp_path, monkeypatch, kind, error, times
):
    monkeypatch.setattr(writing, "MOST_SECONDS_A_CHUNK", 2)

    with pytest.raises(error):
        write_facts(spark, [Noted(tmp_path / "log", kind)], tmp_path / "facts")

    assert (tmp_path / "log").read_text() == "read\n" * times


def test_a_fault_of_the_data_ends_all_other_tasks(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_tasks", lambda chunks, cores: chunks)
    chunks = [Bad(), *(Noted(tmp_path / "log", Slow) for _ in range(8))]

    with pytest.raises(BadDataset, match=r"x\.parquet cannot be read"):
        write_facts(spark, chunks, tmp_path / "facts")

    assert (tmp_path / "log").read_text().count("read") < 5
    assert left(tmp_path) == ["log"]


def test_an_error_that_is_not_of_one_text_is_told_in_one(spark, tmp_path):
    with pytest.raises(FactsFailed, match=r"UnicodeDecodeError: 'utf-8' codec.*said\nin two lines"):
        write_facts(spark, [Broken()], tmp_path / "facts")


def test_a_corrupt_row_group_is_named_as_by_the_pool(spark, tmp_path):
    import pyarrow as arrow

    rows = {"image": [encoded(picture(n)) for n in range(40)], "label": ["cat", "dog"] * 20}
    path = tmp_path / "pets.parquet"
    parquet.write_table(arrow.table(rows), path, row_group_size=10)
    spoilt = parquet.read_metadata(path).row_group(2).column(0).data_page_offset
    data = path.read_bytes()
    path.write_bytes(data[:spoilt] + b"\xff" * 300 + data[spoilt + 300 :])
    images = open_images(str(path))

    with pytest.raises(BadDataset, match=r"pets\.parquet cannot .*, in row group 2: ") as told:
        check_images_on_spark(
            spark, images.chunks(), labels=images.labels, limits=Limits(), out=tmp_path / "out"
        )

    with pytest.raises(BadDataset) as plain:
        facts_table(images.chunks(), tmp_path / "plain", workers=1)
    assert str(told.value) == str(plain.value)
    assert left(tmp_path / "out") == []


def test_files_that_the_driver_cannot_see_are_missed(spark, tmp_path, monkeypatch):
    def elsewhere(folder, *words):  # as where each worker has a disk of its own
        for path in folder.glob("part-*1.parquet"):
            path.unlink()
        return complete(folder, *words)

    complete = writing._complete
    monkeypatch.setattr(writing, "_complete", elsewhere)

    with pytest.raises(FactsFailed, match=r"1 of 3 files .* that all machines of the cluster see"):
        write_facts(spark, some(2, 2, 2), tmp_path / "facts")

    assert left(tmp_path) == []


def test_what_a_dead_worker_left_half_is_removed(spark, tmp_path):
    class Dying:
        def read(self):
            yield from Some(0, 2).read()
            if not (tmp_path / "died").exists():
                (tmp_path / "died").touch()
                os._exit(9)

    seen = write_facts(spark, [Dying()], tmp_path / "facts")

    assert seen.images == 2
    assert left(tmp_path / "facts") == ["part-00000000.parquet"]


def test_settings_of_the_session_are_as_before(spark, tmp_path):
    names = ("spark.sql.shuffle.partitions", "spark.sql.leafNodeDefaultParallelism")
    before = [spark.conf.get(name, None) for name in names]

    check_images_on_spark(
        spark, some(3, 3), labels="ab", limits=Limits(), out=tmp_path / "out", most_in_memory=0
    )

    assert [spark.conf.get(name, None) for name in names] == before
    assert not spark.sparkContext._jsc.getPersistentRDDs()
