"""What a task of the barrier stage raises itself, on a real Spark."""

from __future__ import annotations

import pytest

from model.config import TrainConfig
from model.spread.job import Job
from model.spread.shards import Shards
from model.spread.stage import Lost, Stage

pytestmark = pytest.mark.spark
SHAPE = (1, 1, 1)
ENDLESS = 1 << 60  # images: more than any disk takes


def stage(spark, frame, *, images=(1, 1), place="nowhere") -> Stage:
    """Whose workers end before they start a process."""
    shards = Shards(spark, frame, ("0" * 64,) * 2, SHAPE, 2, 1, "")
    return Stage(shards, Job(TrainConfig(workers=2), 2, SHAPE, "key", place, images))


@pytest.fixture
def empty(spark):
    """Two shards without an image that can be read."""
    fields = "id as key, int(id) as worker, id as image, -1 as label, binary('') as pixels"
    return spark.range(2, numPartitions=2).selectExpr(*fields.split(", "), "'ill' as fault")


def test_a_bug_in_a_task_is_one_and_is_told_as_such(spark):
    with pytest.raises(RuntimeError, match=r"worker \d of 2 failed: KeyError") as found:
        stage(spark, spark.range(2, numPartitions=2))()

    assert not isinstance(found.value, Lost)


def test_a_disk_that_cannot_take_the_shard_is_a_loss_with_its_reason(spark, empty):
    with pytest.raises(Lost, match=r"worker \d of 2 was lost: \[Errno \d+\]"):
        stage(spark, empty, images=(ENDLESS, ENDLESS))()
