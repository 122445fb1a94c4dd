"""Every kind of bad data is refused by the check that is meant for it, and the image is named."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_checks.check import Report, check_images
from data_checks.limits import BadLimits, Limits
from model.images import BadDataset, Chunk, RawImage, open_images
from tests.conftest import bomb, encoded, picture

GOOD = {"cat": 16, "dog": 16}


@pytest.fixture
def good(folder_of):
    return folder_of(**GOOD)


def test_good_images_pass_and_leave_something_to_look_at(good, judge):
    report = judge(good)

    assert report.passed, [check for check in report.checks if not check.passed]
    assert report.images == 32
    assert report.splits == {"test": {"cat": 4, "dog": 4}, "train": {"cat": 12, "dog": 12}}
    assert all(check.reason for check in report.checks)
    assert (judge.out / "data_docs" / "index.html").is_file()
    assert not (judge.out / "contact_sheet.png").exists()
    assert Report.load(judge.out) == report


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("empty.png", b"", "empty file"),
        ("text.png", b"these are words", "not an image in a known format"),
        ("cut.jpg", encoded(picture(5, height=64, width=64, channels=3), "JPEG")[:-300], "truncat"),
        ("cut.png", encoded(picture(5))[:-40], ""),
        ("bomb.png", bomb(), "decompression bomb"),
    ],
)
def test_an_image_that_cannot_be_read_is_refused_and_named(
    good, judge, failed, name, content, problem
):
    (good / "train" / "cat" / name).write_bytes(content)

    found = failed(good)

    assert found["readable"] == (f"train/cat/{name}",)
    assert problem in problem_of(judge.out, f"train/cat/{name}")
    assert (judge.out / "contact_sheet.png").is_file()


@dataclass(frozen=True)
class Noted:
    """A chunk that notes where it was read."""

    real: Chunk
    number: int
    place: Path

    def read(self, split: str | None = None) -> Iterator[RawImage]:
        with (self.place / str(os.getpid())).open("a") as log:
            log.write(f"{self.number}\n")
        return self.real.read(split)


def test_only_what_has_an_offending_image_is_read_again(good, tmp_path):
    (good / "train" / "dog" / "text.png").write_bytes(b"these are words")
    images = open_images(str(good))
    chunks = [Noted(c, n, tmp_path) for n, c in enumerate(images.chunks(images=5))]

    check_images(chunks, labels=images.labels, limits=Limits(), out=tmp_path / "report", workers=1)

    assert (tmp_path / "report" / "contact_sheet.png").is_file()
    assert (tmp_path / str(os.getpid())).read_text() == f"{len(chunks) - 1}\n"


def test_a_link_out_of_the_folder_is_refused_and_not_read(good, judge, failed, tmp_path):
    outside = tmp_path / "outside.png"
    picture(99).save(outside)
    (good / "train" / "cat" / "link.png").symlink_to(outside)

    assert failed(good)["readable"] == ("train/cat/link.png",)
    assert problem_of(judge.out, "train/cat/link.png") == "symlink out of the folder"


def test_a_size_of_its_own_is_refused_unless_resizing_is_declared(good, failed):
    picture(7, height=20, width=24).save(good / "train" / "cat" / "wide.png")
    assert failed(good) == {"one size": ("train/cat/wide.png",)}

    (good / "data_checks.toml").write_text('size_policy = "resize"')

    assert failed(good) == {}


def test_colour_among_grey_is_refused(good, failed):
    picture(7, channels=3).save(good / "train" / "cat" / "colour.png")

    assert failed(good) == {"one number of channels": ("train/cat/colour.png",)}


@pytest.mark.parametrize("mode", ["P", "CMYK", "LA", "RGBA", "I;16"])
def test_unusual_modes_are_read_and_warned_of(folder_of, tmp_path, judge, mode):
    root = folder_of(cat=16, dog=16)
    for number, path in enumerate(sorted(root.rglob("*.png"))):
        image = picture(number)
        if mode == "I;16":
            image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
        elif mode in ("CMYK", "RGBA"):
            image = picture(number, channels=3).convert(mode)
        else:
            image = image.convert(mode)
        path.unlink()
        kind = "JPEG" if mode == "CMYK" else "PNG"
        path.with_suffix(".jpg" if mode == "CMYK" else ".png").write_bytes(encoded(image, kind))

    report = judge(root)

    modes = next(check for check in report.checks if check.name == "colour mode")
    assert report.passed, [check for check in report.checks if not check.passed]
    assert (modes.passed, modes.severity, modes.offender_count) == (False, "warn", 32)


def test_a_blank_image_is_refused(good, failed):
    Image.new("L", (16, 16), 90).save(good / "train" / "dog" / "blank.png")

    assert failed(good)["not blank"] == ("train/dog/blank.png",)


def test_an_empty_class_is_refused(good, failed):
    (good / "train" / "bird").mkdir()

    found = failed(good)

    assert found["training images a class"] == ("bird",)
    assert found["test images a class"] == ("bird",)


def test_one_class_only_is_refused(folder_of, failed):
    assert "two classes" in failed(folder_of(cat=16))


def test_a_class_with_few_images_is_refused_and_named(folder_of, failed):
    found = failed(folder_of(cat=16, dog=16, bird=6))

    assert found["training images a class"] == ("bird",)


def test_a_rare_class_is_warned_of(folder_of, judge):
    report = judge(folder_of(cat=200, dog=16))

    assert report.passed
    assert [check.name for check in report.checks if not check.passed] == ["balance of classes"]


def test_the_same_pixels_under_two_labels_are_refused(good, failed):
    image = picture(500)
    image.save(good / "train" / "cat" / "twin.png")
    image.save(good / "train" / "dog" / "twin.bmp")  # other bytes, the same pixels

    assert set(failed(good)["one label an image"]) == {"train/cat/twin.png", "train/dog/twin.bmp"}


def test_a_training_image_in_the_test_split_is_refused(good, failed):
    shutil.copy(good / "train" / "cat" / "0000.png", good / "test" / "cat" / "copy.png")

    found = failed(good)

    assert found["no leak from training to test"] == ("test/cat/copy.png",)


def test_nearly_the_same_image_in_both_splits_is_warned_of(good, judge):
    with Image.open(good / "train" / "cat" / "0000.png") as image:
        brighter = image.point(lambda value: min(255, value + 3))
    brighter.save(good / "test" / "cat" / "nearly.png")

    report = judge(good)

    near = next(check for check in report.checks if check.name == "no near leak")
    assert (near.passed, near.severity) == (False, "warn")
    assert "test/cat/nearly.png" in near.offenders


def test_many_duplicates_are_warned_of(good, judge):
    for number in range(4):
        shutil.copy(good / "train" / "cat" / "0000.png", good / "train" / "cat" / f"c{number}.png")

    report = judge(good)

    assert [check.name for check in report.checks if not check.passed] == ["duplicates"]
    assert report.passed


def test_other_data_than_the_champions_are_warned_of(good, judge, folder_of):
    before = judge(good).reference
    assert judge(good, reference=before).passed
    for path in good.rglob("*.png"):
        with Image.open(path) as image:
            dark = image.point(lambda value: value // 6)
        dark.save(path)

    report = judge(good, reference=before)

    drift = next(check for check in report.checks if check.name == "like the champion's data")
    assert (drift.passed, drift.severity) == (False, "warn")
    assert "mean intensity" in drift.offenders


def test_a_limit_and_a_severity_may_be_changed_beside_the_data(good, failed, judge):
    Image.new("L", (16, 16), 90).save(good / "train" / "dog" / "blank.png")
    (good / "data_checks.toml").write_text('[severity]\n"not blank" = "warn"\n')

    assert judge(good).passed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("max_blank = 1", "max_blank: unknown key.*Known keys: .*max_blank_share"),
        ("max_blank_share = 2", "max_blank_share.*less than or equal to 1"),
        ("= 2", "no TOML"),
        ('[severity]\nreadable = "warn"', "readable cannot be a warning"),
    ],
)
def test_a_wrong_limit_is_named(good, text, says):
    (good / "data_checks.toml").write_text(text)

    with pytest.raises(BadLimits, match=says):
        Limits.beside(str(good))


def test_limits_that_are_not_utf8_are_named(good):
    (good / "data_checks.toml").write_bytes(b"# caf\xe9")

    with pytest.raises(BadLimits, match=r"data_checks\.toml is no TOML"):
        Limits.beside(str(good))


def test_a_damaged_parquet_file_ends_the_check_with_its_name(tmp_path, judge):
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    rows = {"image": [encoded(picture(n)) for n in range(20)], "label": ["cat", "dog"] * 10}
    path = tmp_path / "pets.parquet"
    parquet.write_table(arrow.table(rows), path)
    data = path.read_bytes()
    path.write_bytes(data[:4] + b"\xff" * 400 + data[404:])  # the first page of images

    with pytest.raises(BadDataset, match=r"pets\.parquet cannot be read as Parquet"):
        judge(path)


def test_odd_names_and_files_are_unreadable_images_of_a_whole_report(good, failed):
    cats = good / "train" / "cat"
    (cats / os.fsdecode(b"caf\xe9.png")).write_bytes(encoded(picture(1)))
    os.mkfifo(cats / "pipe.png")

    named = failed(good)

    assert {"train/cat/caf\\xe9.png", "train/cat/pipe.png"} <= {
        path for paths in named.values() for path in paths
    }


def test_a_severity_of_an_unknown_check_is_named(good, judge):
    (good / "data_checks.toml").write_text('[severity]\n"not blnk" = "warn"')

    with pytest.raises(BadLimits, match=r"not blnk.*the checks are: .*not blank"):
        judge(good)


def test_labels_that_no_class_has_are_refused(tmp_path, judge):
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    rows = [
        {"image": encoded(picture(n)), "label": ("a", "b", "")[n % 3], "split": "train"}
        for n in range(60)
    ]
    rows += [{**row, "image": encoded(picture(900 + n)), "split": "test"}
             for n, row in enumerate(rows[:12])]  # fmt: skip
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "images.parquet")

    report = judge(tmp_path / "images.parquet")

    labels = next(check for check in report.checks if check.name == "known labels")
    assert (labels.passed, labels.offender_count) == (False, 24)


def problem_of(out, path) -> str:
    import pyarrow.parquet as parquet

    rows = parquet.read_table(out / "facts.parquet").to_pylist()
    return next(row["problem"] for row in rows if row["path"] == path) or ""
