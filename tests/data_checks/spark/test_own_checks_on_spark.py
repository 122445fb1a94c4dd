"""A user's own checks: written once, the same verdicts from pandas and from Spark."""

from __future__ import annotations

import hashlib
from copy import copy
from dataclasses import replace

import pytest
from great_expectations import expectations as gxe
from PIL import Image

from data_checks import judge as judging
from data_checks.check import Report
from data_checks.expectations import Expected, expectations
from data_checks.facts import COLUMNS
from tests.data_checks.test_tables import DOCUMENTED, own
from tests.data_checks.test_tables import twins as twins

pytestmark = pytest.mark.spark

FLAGS = {"readable", "is_duplicate", "is_leaked", "is_nearly_leaked"}
TEXTS = {name for name, kind in COLUMNS.items() if kind == "string"} | {"size"}


@pytest.fixture
def judge_own(twins, judge_twice, monkeypatch):
    """``judge_own(expectation, …)``: the verdicts of both engines."""
    Image.new("L", (16, 16), 90).save(twins / "train" / "dog" / "blank.png")

    def run(*given, table: str = "images", **options):
        checks = [own(f"{at}", table, each) for at, each in enumerate(given)]
        return run_expected(checks, **options)

    def run_expected(checks: list[Expected], **options):
        monkeypatch.setattr(judging, "expectations", lambda *words: [
            *expectations(*words),
            *(replace(each, expectation=copy(each.expectation)) for each in checks),
        ])  # fmt: skip
        found = {check.name: check for check in judge_twice(twins, **options).checks}
        return [found[check.name] for check in checks]

    run.expected = run_expected
    return run


def test_every_documented_column_may_be_asked_for(judge_own):
    checks = [
        own(f"{column} of {table}", table, gxe.ExpectColumnValuesToNotBeInSet(
            column=column, value_set=["what occurs nowhere"] if column in TEXTS else [-7],
        ))
        for column in sorted(DOCUMENTED - FLAGS)
        for table in ("images", "test")
    ]  # fmt: skip

    checks += [
        own(f"{column} of {table}", table, gxe.ExpectColumnValuesToBeInSet(
            column=column, value_set=[True, False],
        ))
        for column in sorted(FLAGS)
        for table in ("images", "test")
    ]  # fmt: skip

    found = judge_own.expected(checks)

    assert {check.observed for check in found} == {"all of 40 images", "all of 11 images"}


@pytest.mark.parametrize("table", ["images", "test"])
def test_expectations_of_many_kinds_answer_alike(judge_own, table):
    found = judge_own(
        gxe.ExpectColumnValuesToBeBetween(column="mean", max_value=100),
        gxe.ExpectColumnValuesToBeBetween(column="bytes", min_value=80, max_value=90),
        gxe.ExpectColumnValuesToBeBetween(column="deviation", min_value=60.5, mostly=0.5),
        gxe.ExpectColumnValuesToBeBetween(column="mean", max_value=-1),
        gxe.ExpectColumnValuesToNotBeNull(column="mean"),
        gxe.ExpectColumnValuesToBeNull(column="problem"),
        gxe.ExpectColumnValuesToMatchRegex(column="path", regex=r"cat/.*\.png$"),
        gxe.ExpectColumnValuesToNotMatchRegex(column="label", regex="^c"),
        gxe.ExpectColumnValueLengthsToEqual(column="path", value=18),
        gxe.ExpectColumnValuesToBeInSet(column="height", value_set=[16, 0]),
        gxe.ExpectColumnValuesToBeInSet(column="is_duplicate", value_set=[True]),
        gxe.ExpectColumnValuesToBeUnique(column="path"),
        gxe.ExpectColumnUniqueValueCountToBeBetween(column="size", max_value=1),
        gxe.ExpectColumnMinToBeBetween(column="width", min_value=1),
        gxe.ExpectColumnMaxToBeBetween(column="mean", max_value=120),
        gxe.ExpectColumnMeanToBeBetween(column="mean", max_value=100),
        gxe.ExpectColumnStdevToBeBetween(column="deviation", max_value=1),
        gxe.ExpectColumnSumToBeBetween(column="bytes", max_value=1),
        gxe.ExpectTableRowCountToBeBetween(max_value=1),
        gxe.ExpectTableColumnCountToEqual(value=18),
        gxe.ExpectColumnPairValuesToBeEqual(
            column_A="height", column_B="width", ignore_row_if="neither"
        ),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="mean", column_B="deviation", or_equal=True
        ),
        gxe.ExpectMulticolumnSumToEqual(column_list=["height", "width"], sum_total=32, mostly=0.9),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["label", "path"]),
        table=table,
    )

    assert {check.passed for check in found} == {True, False}
    assert any("train/dog/wide.png" in check.offenders for check in found) is (table == "images")


def test_a_digest_names_its_image(judge_own, twins):
    unwanted = hashlib.sha256((twins / "test" / "dog" / "0003.png").read_bytes()).hexdigest()

    (found,) = judge_own(
        gxe.ExpectColumnValuesToNotBeInSet(column="file_sha256", value_set=[unwanted]),
        table="test",
    )

    assert found.offenders == ("test/dog/0003.png",)


def test_the_small_tables_may_be_asked_too(judge_own):
    (found,) = judge_own(
        gxe.ExpectColumnValuesToBeBetween(column="train", max_value=13), table="classes"
    )

    assert found.offenders == ("cat", "dog")


def test_what_compares_rows_counts_alike_and_may_name_others(judge_own, judge_twice, monkeypatch):
    monkeypatch.setattr("tests.data_checks.spark.conftest.equal", lambda *_: [])
    alone = ["label", "split", "height"]

    (found,) = judge_own(gxe.ExpectCompoundColumnsToBeUnique(column_list=alone))

    there = next(c for c in Report.load(judge_twice.out).checks if c.name == found.name)
    assert (
        (there.passed, there.offender_count) == (found.passed, found.offender_count) == (False, 37)
    )
    assert sorted(there.offenders) == sorted(found.offenders)


def test_what_cannot_be_asked_says_so(judge_own, judge_twice, monkeypatch):
    monkeypatch.setattr("tests.data_checks.spark.conftest.equal", lambda *_: [])

    found = judge_own(
        gxe.ExpectColumnValuesToBeBetween(column="nowhere", min_value=1),
        gxe.ExpectColumnValuesToBeBetween(column="label", min_value=1),
    )

    there = Report.load(judge_twice.out).checks[-2:]
    for check in (*found, *there):
        assert not check.passed
        assert check.observed.startswith("cannot be judged: ")
    assert "nowhere" in found[0].observed
    assert "nowhere" in there[0].observed
