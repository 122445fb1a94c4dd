"""Same data set, either engine: same facts, same verdicts, same report, same contact sheet."""

from __future__ import annotations

import gzip
import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from data_checks.check import FACTS, Report
from data_checks.limits import Limits
from tests.conftest import bomb, encoded, picture
from tests.data_checks.spark.conftest import IN_MEMORY, ON_SPARK, failed

pytestmark = pytest.mark.spark


def spoiled(root: Path) -> Path:
    """Class folders with every kind of defect that a check is for."""
    cats, dogs, tests = root / "train" / "cat", root / "train" / "dog", root / "test" / "cat"
    (cats / "empty.png").write_bytes(b"")
    (cats / "words.png").write_bytes(b"these are words")
    (cats / "cut.jpg").write_bytes(
        encoded(picture(5, channels=3, height=64, width=64), "JPEG")[:-300]
    )
    (dogs / "bomb.png").write_bytes(bomb())
    (dogs / "link.png").symlink_to(root.parent / "outside.png")
    (dogs / os.fsdecode(b"caf\xe9.png")).write_bytes(encoded(picture(1)))
    picture(7, height=20, width=24).save(cats / "wide.png")
    picture(8, channels=3).save(cats / "colour.png")
    picture(9, channels=3).convert("P").save(dogs / "palette.png")
    picture(9).save(dogs / "other.ico")
    for number in range(3):
        Image.new("L", (16, 16), 90).save(dogs / f"blank{number}.png")
    shutil.copy(cats / "0000.png", cats / "again.png")
    shutil.copy(cats / "0000.png", dogs / "other label.png")
    shutil.copy(cats / "0000.png", tests / "leaked.png")
    with Image.open(cats / "0001.png") as image:
        image.point(lambda value: min(255, value + 3)).save(tests / "nearly.png")
    (root / "train" / "bird").mkdir()
    return root


@pytest.mark.parametrize("most", [ON_SPARK, IN_MEMORY])
def test_every_defect_is_found_and_named_by_both(folder_of, judge_twice, most):
    report = judge_twice(spoiled(folder_of(cat=24, dog=16)), most=most)

    found = failed(report)
    assert {
        "readable", "format", "colour mode", "not blank", "duplicates", "one label an image",
        "no leak from training to test", "no near leak", "one size", "one number of channels",
        "training images a class", "test images a class", "balance of classes",
    } == set(found)  # fmt: skip
    assert found["no leak from training to test"] == ("test/cat/leaked.png",)
    assert "test/cat/nearly.png" in found["no near leak"]
    assert (judge_twice.out / FACTS).is_dir()
    assert Report.load(judge_twice.out) == report


def test_good_images_pass_on_spark_too(folder_of, judge_twice):
    report = judge_twice(folder_of(cat=16, dog=16))

    assert report.passed
    assert failed(report) == {}


def test_drift_from_the_champions_data_is_the_same(folder_of, judge_twice):
    root = folder_of(cat=16, dog=16)
    before = judge_twice(root).reference
    for path in sorted(root.rglob("*.png"))[:20]:
        with Image.open(path) as image:
            dark = image.point(lambda value: value // 6)
        dark.save(path)

    report = judge_twice(root, reference=before)

    assert "mean intensity" in failed(report)["like the champion's data"]


def test_rows_of_parquet_without_labels_or_bytes(judge_twice, tmp_path):
    rows = [
        {"image": {"bytes": encoded(picture(n // 2)) if n % 17 else None, "path": None},
         "label": ("a", "b", "", "ü'\"\\")[n % 4], "split": ("train", "test")[n % 5 == 0]}
        for n in range(90)
    ]  # fmt: skip
    table = arrow.Table.from_pylist(rows)
    folder = tmp_path / "tables"
    folder.mkdir()
    parquet.write_table(table.slice(0, 40), folder / "one.parquet", row_group_size=9)
    parquet.write_table(table.slice(40), folder / "two.parquet", row_group_size=25)

    found = failed(judge_twice(folder))

    assert {"readable", "known labels", "duplicates", "one label an image"} <= set(found)


def test_paths_that_occur_twice_are_drawn_once(judge_twice, tmp_path):
    blank = encoded(Image.new("L", (16, 16), 90))
    rows = [
        {"image": {"bytes": blank if n in (30, 55) else encoded(picture(n)), "path": f"{n % 25}.p"},
         "label": "ab"[n % 2], "split": ("train", "test")[n % 5 == 0]}
        for n in range(90)
    ]  # fmt: skip
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "t.parquet", row_group_size=10)

    assert failed(judge_twice(tmp_path / "t.parquet"))["not blank"] == ("5.p", "5.p")


def idx(folder: Path, name: str, images: np.ndarray, labels: np.ndarray) -> None:
    head = struct.pack(">IIII", 0x0803, *images.shape)
    (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + images.tobytes()))
    head = struct.pack(">II", 0x0801, len(labels))
    (folder / f"{name}-labels-idx1-ubyte").write_bytes(head + labels.astype(np.uint8).tobytes())


def test_bare_intensities_of_idx_files(judge_twice, tmp_path):
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (80, 12, 10), np.uint8)
    images[5] = images[70] = 3
    images[60:63] = images[:3]
    folder = tmp_path / "idx"
    folder.mkdir()
    idx(folder, "train", images[:60], np.arange(60) % 3)
    idx(folder, "t10k", images[60:], np.arange(20) % 3)

    found = failed(judge_twice(folder))

    assert found["not blank"] == ("t10k/000010", "train/000005")
    assert set(found) >= {"no leak from training to test", "no near leak"}


def test_one_class_with_nine_tenths_and_many_equal_blank_images(folder_of, judge_twice):
    root = folder_of(cat=180, dog=20)
    for number in range(150):
        Image.new("L", (16, 16), 90).save(root / "train" / "cat" / f"blank{number:03d}.png")

    report = judge_twice(root, Limits(max_blank_share=0.9))

    duplicates = next(check for check in report.checks if check.name == "duplicates")
    assert (duplicates.offender_count, len(duplicates.offenders)) == (149, 50)
    assert duplicates.offenders[0] == "train/cat/blank001.png"
    assert "balance of classes" in failed(report)


class Nothing:
    """A chunk without images."""

    def read(self):
        return iter(())


@pytest.mark.parametrize("chunks", [[], [Nothing(), Nothing()]])
def test_no_images_at_all_are_judged_alike(spark, tmp_path, chunks):
    from data_checks.check import check_images
    from data_checks.spark.check import check_images_on_spark
    from tests.data_checks.spark.conftest import equal

    asked = {"labels": ["a", "b"], "limits": Limits()}
    check_images(chunks, **asked, out=tmp_path / "pool", workers=1)
    for most in (-1, IN_MEMORY):
        check_images_on_spark(spark, chunks, **asked, out=tmp_path / "out", most_in_memory=most)

        assert equal(tmp_path / "pool", tmp_path / "out") == []


def test_images_that_cannot_be_read_at_all(folder_of, judge_twice):
    root = folder_of(cat=4, dog=4)
    for path in root.rglob("*.png"):
        path.write_bytes(b"words")

    report = judge_twice(root)

    assert len(failed(report)["readable"]) == 8
    assert sum(report.reference.mean) == 0


def test_test_images_alone_and_training_images_alone(folder_of, judge_twice):
    root = folder_of(cat=8, dog=8)
    shutil.rmtree(root / "train" / "cat")
    shutil.rmtree(root / "train" / "dog")
    judge_twice(root)
    shutil.move(root / "test", root / "train")
    (root / "test" / "cat").mkdir(parents=True)

    report = judge_twice(root)

    assert "test images a class" in failed(report)
