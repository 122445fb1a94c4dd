"""Spark reads what one machine would read, and each worker gets its images, each once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from model.arrays import load_arrays
from model.config import TrainConfig
from model.images import BadDataset, open_images
from model.pixels import BadImage
from model.spread.looking import look
from model.spread.parts import worker_of
from model.spread.places import TASKS, TASKS_A_SLOT, Places
from model.spread.shards import Shards, keys_of, sharded
from tests.conftest import bomb, encoded, picture

pytestmark = pytest.mark.spark
IDX_OF_MNIST = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@contextmanager
def read(spark, root, workers=2, chunk=7, **knobs) -> Iterator[Shards]:
    images = open_images(str(root))
    places = Places(images.chunks(chunk), slots=2)
    looked = look(spark, images, places, TrainConfig(**knobs))
    with sharded(spark, images, places, looked, workers) as found:
        yield found


@pytest.fixture
def mixed(folder_of):
    """Two sizes as frequent as each other, one picture in colour, no test folder."""
    root = folder_of(cat=40, dog=38)
    for label in ("cat", "dog"):
        (root / label).mkdir()
        for file in sorted((root).glob(f"*/{label}/*.png")):
            file.rename(root / label / file.name)
    for split in ("train", "test"):
        shutil.rmtree(root / split)
    for number in range(39):
        picture(number, height=20, width=12).save(root / "dog" / f"large{number}.png")
    picture(99, channels=3).save(root / "cat" / "0000.png")
    return root


def idx(root, images: int) -> None:
    root.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (images, 6, 5), np.uint8)
    head = (0x0803).to_bytes(4, "big") + b"".join(n.to_bytes(4, "big") for n in pixels.shape)
    (root / IDX_OF_MNIST[0]).write_bytes(head + pixels.tobytes())
    head = (0x0801).to_bytes(4, "big") + images.to_bytes(4, "big")
    (root / IDX_OF_MNIST[1]).write_bytes(head + bytes(n % 3 for n in range(images)))


def is_as_on_one_machine(spark, root, tmp_path, workers=2, **knobs) -> None:
    alone = load_arrays(open_images(str(root)), TrainConfig(**knobs), tmp_path / "scratch")

    with read(spark, root, workers, **knobs) as found:
        rows = found.frame.selectExpr("*", "spark_partition_id() as partition").collect()

        assert found.shape == alone.shape
        assert found.test_digest == alone.test_digest
        assert (found.train_images, found.test_images) == (alone.train_images, alone.test_images)
        np.testing.assert_array_equal(found.some(range(alone.train_images)), alone.pixels)
    assert sorted(row.image for row in rows) == list(range(alone.train_images))
    assert [row.label for row in sorted(rows, key=lambda r: r.image)] == alone.labels.tolist()
    assert all(row.partition == row.worker == worker_of(np.array([row.image]), workers)[0]
               for row in rows)  # fmt: skip


def test_class_folders_of_mixed_images_are_read_as_on_one_machine(spark, mixed, tmp_path):
    is_as_on_one_machine(spark, mixed, tmp_path, workers=3)


def test_the_same_in_a_shape_that_was_asked_for(spark, mixed, tmp_path):
    is_as_on_one_machine(spark, mixed, tmp_path, height=9, channels=1)


def test_idx_files_are_read_as_on_one_machine(spark, tmp_path):
    idx(tmp_path / "idx", images=61)

    is_as_on_one_machine(spark, tmp_path / "idx", tmp_path)


def test_the_sample_is_read_as_on_one_machine(spark, sample, tmp_path):
    is_as_on_one_machine(spark, sample, tmp_path)


def test_a_class_with_nine_tenths_of_the_images_has_that_share_of_every_shard(spark, folder_of):
    with read(spark, folder_of(many=360, few=40), workers=3) as found:
        counts = found.frame.groupBy("worker").pivot("label").count().collect()

    for row in counts:
        assert row["0"] == pytest.approx(10, abs=1)
        assert row["1"] == pytest.approx(90, abs=1)


@pytest.mark.parametrize("workers", [1, 2, 5, 16, 61])
def test_each_worker_has_a_partition_of_its_own(spark, workers):
    keys = keys_of(spark, workers)

    rows = spark.createDataFrame([(n, key) for n, key in enumerate(keys)], "worker int, key long")
    parted = rows.repartition(workers, "key").selectExpr("worker", "spark_partition_id() as part")
    assert all(row.worker == row.part for row in parted.collect())


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"no image", "not an image"), (bomb(), "too large"),
     (encoded(picture(1))[:150], "truncated or damaged")],
)  # fmt: skip
def test_the_first_bad_image_is_named_as_on_one_machine(spark, folder_of, tmp_path, data, said):
    root = folder_of(cat=40, dog=40)
    for name in ("0033.png", "0034.png"):
        (root / "train" / "cat" / name).write_bytes(data)

    with pytest.raises(BadImage, match=said) as alone:
        load_arrays(open_images(str(root)), TrainConfig(), tmp_path)
    with pytest.raises(BadImage, match=r"train/cat/0033\.png") as found, read(spark, root):
        pass

    assert str(found.value) in str(alone.value)


class Noted:
    """A chunk that notes which task reads it, in which job."""

    def __init__(self, chunk, folder):
        self.chunk, self.folder = chunk, folder

    def read(self, split=None):
        from pyspark import TaskContext

        job = self.folder / ("decode" if split else "look")
        job.mkdir(exist_ok=True)
        (job / str(TaskContext.get().partitionId())).touch()
        return self.chunk.read(split)


def test_few_chunks_have_as_many_tasks_as_many_would(spark, folder_of, tmp_path):
    images, config = open_images(str(folder_of(cat=40, dog=40))), TrainConfig()
    places = Places([Noted(chunk, tmp_path) for chunk in images.chunks(5)], slots=2)
    before = spark.conf.get(TASKS, None)

    looked = look(spark, images, places, config)
    with sharded(spark, images, places, looked, 2):
        pass

    assert len(places) == 16
    assert len(list((tmp_path / "look").iterdir())) == TASKS_A_SLOT * 2
    assert len(list((tmp_path / "decode").iterdir())) == TASKS_A_SLOT * 2
    assert spark.conf.get(TASKS, None) == before


def test_too_few_images_for_the_workers_are_refused(spark, folder_of):
    root = folder_of(cat=4, dog=4)

    said = r"6 training images for 4 workers.*--workers 3"
    with pytest.raises(BadDataset, match=said), read(spark, root, workers=4):
        pass


def test_a_data_set_of_one_class_is_refused(spark, folder_of):
    with pytest.raises(BadDataset, match="has 1 classes"), read(spark, folder_of(cat=8)):
        pass


def test_images_that_went_missing_between_look_and_decoding_are_told(spark, folder_of):
    root = folder_of(cat=40, dog=40)
    images, config = open_images(str(root)), TrainConfig()
    places = Places(images.chunks(7), slots=2)
    looked = look(spark, images, places, config)
    shutil.rmtree(root / "train" / "dog")

    said = r"train/dog/0000\.png: unreadable"
    with pytest.raises(BadImage, match=said), sharded(spark, images, places, looked, 2):
        pass


def test_an_image_more_than_was_looked_at_is_told(spark, mixed):
    images, config = open_images(str(mixed)), TrainConfig()
    places = Places(images.chunks(7), slots=2)
    looked = look(spark, images, places, config)
    for number, file in enumerate(sorted((mixed / "cat").glob("*.png"))):
        Image.new("L", (16, 16), number).save(file)  # the content decides the split here

    said = "changed while"
    with pytest.raises(BadDataset, match=said), sharded(spark, images, places, looked, 2):
        pass
