"""What the workers of a team agree upon before they begin."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from model.config import TrainConfig
from model.learner import PROGRESS
from model.spread.failures import UnevenlySeated
from model.spread.job import Job
from model.spread.meeting import ask_for_even, meet


@dataclass
class FakeStage:
    """A barrier of threads: each gives a word, and gets those of all."""

    workers: int
    said: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.barrier = threading.Barrier(self.workers, timeout=20)


@dataclass
class FakeContext:
    """As a task of it sees it."""

    stage: FakeStage
    worker: int

    def partitionId(self) -> int:  # noqa: N802 (Spark's name)
        return self.worker

    def getTaskInfos(self) -> list[SimpleNamespace]:  # noqa: N802
        return [SimpleNamespace(address="127.0.0.1:7077")] * self.stage.workers

    def allGather(self, word: str) -> list[str]:  # noqa: N802
        self.stage.said[self.worker] = word
        self.stage.barrier.wait()
        return [self.stage.said[worker] for worker in range(self.stage.workers)]


def met(tmp_path, gpus):
    """What each worker gets, of so many on one machine with ``gpus``, by their own counts."""
    (tmp_path / PROGRESS).touch()
    job = Job(TrainConfig(), 2, (1, 1, 1), "key", str(tmp_path), (2,) * len(gpus))
    stage = FakeStage(len(gpus))
    with ThreadPoolExecutor(len(gpus)) as pool:
        return [
            pool.submit(meet, FakeContext(stage, worker), job, tmp_path / str(worker), count)
            for worker, count in enumerate(gpus)
        ]


@pytest.mark.parametrize("gpus", [0, 2, 4])
def test_workers_that_share_evenly_know_where_all_are(tmp_path, gpus):
    one, two = (each.result() for each in met(tmp_path, [gpus, gpus]))

    assert one == two
    assert len(set(one)) == 2


def test_all_refuse_alike_where_gpus_cannot_be_shared(tmp_path):
    for each in met(tmp_path, [3, 3]):
        with pytest.raises(UnevenlySeated, match="Spark put 2 on a machine with 3; ask"):
            each.result()


@pytest.mark.parametrize(
    ("cluster", "gpus", "said"),
    [
        (["a:1", "a:2", "b:1"], [4, 4, 4], "1 on a machine with 4, 2 on a machine with 4"),
        (["a:1", "b:1"], [1, 0], "1 on a machine with 0, 1 on a machine with 1"),
    ],
)
def test_workers_that_would_have_unequal_gpus_are_refused(cluster, gpus, said):
    with pytest.raises(UnevenlySeated, match=said):
        ask_for_even(cluster, gpus)


def test_uneven_seats_are_well_where_no_gpus_are_to_be_shared():
    ask_for_even(["a:1", "a:2", "b:1"], [0, 0, 0])
    ask_for_even(["a:1", "a:2", "b:1"], [4, 4, 2])
