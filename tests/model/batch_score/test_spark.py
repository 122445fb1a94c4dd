"""Spark makes the very files that the pool makes, also where a task is lost."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow.parquet as parquet
import pytest

from model.batch_score.made import Job
from model.batch_score.on_spark import on_spark
from model.batch_score.options import Scoring
from model.batch_score.parts import Part
from model.batch_score.place import BadPlace, StorageFailed
from model.batch_score.work import Asked, work
from model.images import BadDataset
from tests.model.batch_score.conftest import paths_of

pytestmark = pytest.mark.spark


def quiet(_: str) -> None:
    """Tell nobody."""


def score(model, data, out, engine="spark", say=quiet, **more):
    return work(Asked(model, str(data), str(out), Scoring(engine=engine, **more), "3"), say)


def files_of(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.rglob("*") if path.suffix == ".parquet"}


@pytest.fixture(scope="module")
def by_pool(model_folder, many, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("pool") / "out"
    score(model_folder, many, out, engine="pool", workers=1)
    return out


def test_it_leaves_the_files_of_the_pool(spark, by_pool, model_folder, many, tmp_path):
    scores = score(model_folder, many, tmp_path / "out")

    assert files_of(tmp_path / "out") == files_of(by_pool)
    assert [part.scores.name[12:17] for part in scores.parts] == [f"{at:05d}" for at in range(5)]
    assert paths_of(tmp_path / "out") == sorted(f"many/{at}" for at in range(9000))


def test_it_goes_on_where_the_pool_was_ended(spark, by_pool, model_folder, many, tmp_path):
    score(model_folder, many, tmp_path / "out")
    (tmp_path / "out" / "scores.json").unlink()
    sorted((tmp_path / "out" / "scores").iterdir())[1].unlink()
    lines: list[str] = []

    score(model_folder, many, tmp_path / "out", say=lines.append)

    assert files_of(tmp_path / "out") == files_of(by_pool)
    assert lines[-1] == "4 of 5 parts were there, whole"


def test_a_worker_that_is_killed_is_no_loss(spark, by_pool, model_folder, many, tmp_path):
    killed: list[int] = []

    def kill() -> None:
        """One that works, as soon as a part is there."""
        end = time.monotonic() + 60
        while not killed and time.monotonic() < end:
            if list((tmp_path / "out").glob("scores/*.parquet")):
                for worker in workers_of_spark():
                    worker.kill()
                    killed.append(worker.pid)
                    return
            time.sleep(0.005)

    thread = threading.Thread(target=kill)
    thread.start()
    score(model_folder, many, tmp_path / "out")
    thread.join()

    assert killed
    assert files_of(tmp_path / "out") == files_of(by_pool)


def workers_of_spark() -> list[psutil.Process]:
    """Python's processes in which tasks run: children of Spark's daemon."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            parent = process.parent()
            words = " ".join(parent.cmdline()) if parent else ""
            if "pyspark.daemon" in words and "pyspark.daemon" in " ".join(process.cmdline()):
                found.append(process)
    return found


@dataclass(frozen=True)
class Deadly:
    """An image that ends whoever reads it, or shows that we made a mistake."""

    error: str
    images: int = 1

    def read(self, split=None):
        if self.error == "mistake":
            raise KeyError(split)
        os._exit(9)
        yield


def test_who_always_dies_is_told_from_who_makes_a_mistake(spark, model_folder, tmp_path):
    from pyspark.errors import PySparkException

    job = Job(str(tmp_path), "0" * 16, None, ("a",), (8, 8, 1), str(model_folder), "3", "d")

    with pytest.raises(StorageFailed, match="a worker died: out of memory, or an image crashed"):
        list(on_spark(job, [Part(0, (Deadly("death"),))]))
    with pytest.raises(PySparkException, match="KeyError"):
        list(on_spark(job, [Part(0, (Deadly("mistake"),))]))


def test_a_damaged_row_group_is_named_once(spark, model_folder, alone, tmp_path):
    image = parquet.ParquetFile(alone).metadata.row_group(20).column(0)
    spoilt = bytearray(alone.read_bytes())
    spoilt[image.dictionary_page_offset : image.dictionary_page_offset + 100] = bytes(100)
    alone.write_bytes(bytes(spoilt))

    with pytest.raises(BadDataset, match=r"alone.parquet cannot be read .* in row group 20"):
        score(model_folder, alone, tmp_path / "out")


def test_a_place_that_fails_is_told_in_its_own_words(spark, model_folder, pictures, tmp_path):
    (tmp_path / "out" / "scores").mkdir(parents=True)
    name = "part-00000-{}.parquet"

    def block(key: str) -> None:
        (tmp_path / "out" / "scores" / name.format(key)).mkdir()

    first = score(model_folder, pictures, tmp_path / "other")
    block(first.key)
    with pytest.raises((BadPlace, StorageFailed), match=r"part-00000-\w+.parquet"):
        score(model_folder, pictures, tmp_path / "out")


def test_each_part_is_a_task_of_its_own(spark):
    """The step that deals them out: from one partition, row by row to the next."""
    frame = spark.createDataFrame([(b"x",)] * 50, "part binary").coalesce(1).repartition(50)

    found = frame.mapInArrow(lambda batches: batches, "part binary").rdd.glom().map(len).collect()

    assert found == [1] * 50
