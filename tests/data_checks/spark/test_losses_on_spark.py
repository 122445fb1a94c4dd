"""A worker that is lost while tables are joined and judged is no verdict on the data."""

from __future__ import annotations

import os

import pytest
from great_expectations import expectations as gxe

from data_checks import judge as judging
from data_checks.check import REPORT
from data_checks.limits import Limits
from data_checks.spark import tables as joining
from data_checks.spark.check import check_images_on_spark
from data_checks.spark.failures import loss_in
from data_checks.spark.tables import SparkTables
from data_checks.table import FactsFailed
from model.images import open_images
from tests.data_checks.test_tables import own

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("few_parts")]


def dying(frame):
    """The same rows, of workers that end as where the system ends one with too much memory."""

    def deadly(batches):  # in here, it is sent as it is: workers need not import this file
        os._exit(9)
        yield from batches

    return frame.coalesce(1).mapInArrow(deadly, frame.schema)


@pytest.fixture
def judge(spark, folder_of, tmp_path, monkeypatch):
    """``judge(expectation, …)``: judge good images in Spark's tables by these alone."""

    def run(*given):
        asked = [own(f"{at}", "images", each) for at, each in enumerate(given)]
        monkeypatch.setattr(judging, "expectations", lambda *_: asked)
        images = open_images(str(folder_of(cat=16, dog=16)))
        return check_images_on_spark(
            spark, images.chunks(), labels=images.labels, limits=Limits(), out=run.out,
            most_in_memory=0,
        )  # fmt: skip

    run.out = tmp_path / "out"
    return run


def test_a_worker_that_is_lost_while_images_are_judged_is_no_verdict(judge, monkeypatch):
    plain = SparkTables.frame
    monkeypatch.setattr(SparkTables, "frame", lambda *words: dying(plain(*words)))

    with pytest.raises(FactsFailed, match="lost a machine, a process"):
        judge(gxe.ExpectColumnMaxToBeBetween(column="mean", max_value=999))

    assert not (judge.out / REPORT).exists()


def test_a_worker_that_is_lost_while_tables_are_joined_is_told(judge, monkeypatch):
    plain = joining.counts_of
    monkeypatch.setattr(joining, "counts_of", lambda images: plain(dying(images)))

    with pytest.raises(FactsFailed, match="lost a machine, a process") as told:
        judge()

    assert "\n" not in str(told.value)


def test_what_cannot_be_asked_of_good_tables_is_a_verdict(judge):
    report = judge(
        gxe.ExpectColumnMaxToBeBetween(column="nowhere", min_value=1),
        gxe.ExpectColumnValuesToBeBetween(column="label", min_value=1),
        gxe.ExpectColumnSumToBeBetween(column="path", min_value=1),
    )

    assert len(report.checks) == 3
    for check in report.checks:
        assert check.observed.startswith("cannot be judged: "), check


@pytest.mark.parametrize(
    "says",
    [
        "Job aborted due to stage failure: ExecutorLostFailure (executor 3 exited caused by one",
        "org.apache.spark.shuffle.MetadataFetchFailedException: Missing an output location",
        "Job 7 cancelled because SparkContext was shut down",
        "Cannot call methods on a stopped SparkContext.",
        "Traceback (most recent call last):\npy4j.protocol.Py4JNetworkError: Answer from Java side",
        "java.io.IOException: No space left on device",
    ],
)
def test_a_loss_is_known_by_what_spark_says(says):
    assert loss_in(says)
