"""What follows from all images together, and what an own check may ask of it."""

from __future__ import annotations

import hashlib
import shutil

import pandas as pd
import pytest
from great_expectations import expectations as gxe

from data_checks import judge as judging
from data_checks import near
from data_checks.check import Check
from data_checks.expectations import Expected, expectations
from data_checks.facts import COLUMNS
from data_checks.measures import tables_of
from data_checks.reading import DIGESTS, read_facts
from data_checks.table import facts_table
from model.images import open_images
from tests.conftest import picture

DOCUMENTED = {*COLUMNS, "size", "is_duplicate", "label_count", "is_leaked", "is_nearly_leaked"}


@pytest.fixture
def twins(folder_of):
    """Class folders with every kind of twin, and a file that is no image."""
    root = folder_of(cat=16, dog=16)
    for split, label, name in [
        ("train", "cat", "again"), ("train", "dog", "other label"),
        ("test", "cat", "leaked"), ("test", "dog", "leaked again"),
    ]:  # fmt: skip
        shutil.copy(root / "train" / "cat" / "0000.png", root / split / label / f"{name}.png")
    (root / "train" / "cat" / "broken.png").write_bytes(b"words")
    (root / "test" / "cat" / "broken.png").write_bytes(b"words")
    picture(5, height=20, width=30).save(root / "train" / "dog" / "wide.png")
    return root


@pytest.fixture
def facts(twins, tmp_path):
    file = facts_table(open_images(str(twins)).chunks(), tmp_path / "facts.parquet", workers=1)
    return read_facts(file)


def test_twins_are_what_a_comparison_of_digests_says(facts):
    plain = pd.read_parquet(facts.file)
    digest, is_test = plain["pixel_sha256"], plain["split"] == "test"

    images = tables_of(facts, ["cat", "dog"], 6, None).images

    assert images["path"].tolist() == plain["path"].tolist()
    seen = digest.notna()
    assert (
        images["is_duplicate"].tolist()
        == (seen & plain.duplicated(["pixel_sha256", "split"])).tolist()
    )
    assert (
        images["is_leaked"].tolist()
        == (is_test & seen & digest.isin(set(digest[~is_test & seen]))).tolist()
    )
    counts = plain.groupby("pixel_sha256")["label"].transform("nunique").fillna(1)
    assert images["label_count"].tolist() == counts.tolist()
    assert images["size"].tolist() == [
        f"{w}x{h}" for w, h in zip(plain["width"], plain["height"], strict=True)
    ]
    assert images[["is_duplicate", "is_leaked", "is_nearly_leaked"]].sum().tolist() == [3, 2, 2]


def test_the_table_in_memory_has_every_documented_column_but_the_digests(facts):
    tables = tables_of(facts, ["cat", "dog"], 6, None)

    assert set(tables.images) == set(tables.test) == DOCUMENTED - set(DIGESTS)


@pytest.fixture
def judge_with(twins, judge, monkeypatch):
    """``judge_with(expected, …)``: the verdicts of own checks, by name."""

    def run(*own: Expected) -> dict[str, Check]:
        monkeypatch.setattr(judging, "expectations", lambda *words: [*expectations(*words), *own])
        return {check.name: check for check in judge(twins).checks}

    return run


def own(name: str, table: str, expectation) -> Expected:
    return Expected(name, table, "refuse", "as I say", "mine", expectation)


def test_an_own_check_may_ask_for_every_documented_column(judge_with):
    checks = [
        own(f"{column} of {table}", table, gxe.ExpectColumnValuesToNotBeInSet(
            column=column, value_set=["what occurs nowhere"],
        ))
        for column in sorted(DOCUMENTED)
        for table in ("images", "test")
    ]  # fmt: skip

    found = judge_with(*checks)

    assert {check.name: found[check.name].observed for check in checks} == {
        f"{column} of {table}": f"all of {count} images"
        for column in DOCUMENTED
        for table, count in (("images", 39), ("test", 11))
    }


def test_an_own_check_of_a_digest_names_its_image(judge_with, twins):
    file = twins / "test" / "dog" / "0003.png"
    unwanted = hashlib.sha256(file.read_bytes()).hexdigest()

    found = judge_with(
        own("no unwanted file", "test", gxe.ExpectColumnValuesToNotBeInSet(
            column="file_sha256", value_set=[unwanted],
        ))
    )["no unwanted file"]  # fmt: skip

    assert (found.passed, found.offenders) == (False, ("test/dog/0003.png",))


def test_an_own_check_of_two_columns_names_its_image(judge_with, judge):
    pair = gxe.ExpectColumnPairValuesToBeEqual(
        column_A="height", column_B="width", ignore_row_if="neither"
    )
    several = gxe.ExpectMulticolumnSumToEqual(
        column_list=["height", "width"], sum_total=32, mostly=0.9
    )

    found = judge_with(own("square", "images", pair), own("small", "images", several))

    assert found["square"].offenders == ("train/dog/wide.png",)
    assert (found["small"].passed, found["small"].offender_count) == (True, 3)
    pages = [page.read_text() for page in judge.out.rglob("data_docs/validations/**/*.html")]
    assert any("train/dog/wide.png" in page for page in pages)


def test_near_twins_that_were_not_looked_for_have_not_passed(judge, twins, monkeypatch):
    monkeypatch.setattr(near, "MOST_PAIRS", 3)
    monkeypatch.setattr(near, "MOST_CANDIDATES", 0)

    checks = {check.name: check for check in judge(twins).checks}

    told = checks["no near leak"]
    assert (told.passed, told.severity, told.offenders) == (False, "warn", ())
    assert told.observed.startswith("not searched")


def test_all_images_may_fail_and_the_first_are_named(judge_with):
    found = judge_with(
        own("dark", "images", gxe.ExpectColumnValuesToBeBetween(column="mean", max_value=-1))
    )["dark"]

    assert found.offender_count == 37  # the two broken files have no mean
    assert found.offenders[:2] == ("test/cat/0003.png", "test/cat/0007.png")
