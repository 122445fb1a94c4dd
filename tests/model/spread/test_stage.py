"""What becomes of a failed attempt, by what Spark says of it."""

from __future__ import annotations

import pytest
from pyarrow import ArrowInvalid

from model.config import TrainConfig
from model.fit import CannotLearn
from model.images import BadDataset
from model.spread.failures import CannotSpread, UnevenlySeated, WorkersLost
from model.spread.job import Ended, Job, Seat
from model.spread.stage import MOST_ATTEMPTS, Lost, Unseated, repeated, what_failed
from model.spread.task import ended_by

JOB = Job(TrainConfig(workers=2, seed=4), 10, (28, 28, 1), "key", "place", (50, 51))


CRASHED = """An error occurred while calling o212.collectToPython.
: org.apache.spark.SparkException: Job aborted due to stage failure: Could not recover from a failed barrier ResultStage. Most recent failure reason: Stage failed because barrier task ResultTask(18, 0) finished unsuccessfully.
org.apache.spark.SparkException: Python worker exited unexpectedly (crashed). Consider setting 'x'
	at org.apache.spark.api.python.BasePythonRunner$ReaderIterator.apply(PythonRunner.scala:624)
"""  # noqa: E501


TOO_FEW_SLOTS = "[SPARK-24819]: Barrier execution mode does not allow …"
UNTOLD = """Job aborted due to stage failure: Could not recover from a failed barrier ResultStage. Most recent failure reason: Stage failed because barrier task ResultTask(18, 0) finished unsuccessfully.
org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "pyspark/worker.py", line 2, in main
    process()
EOFError: no more

	at org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException
"""  # noqa: E501


class Attempts:
    """Each does so many epochs and is lost then; after the last one, the run ends well."""

    def __init__(self, *epochs: int) -> None:
        self.left, self.epoch, self.said = list(epochs), 0, []

    def __call__(self) -> str:
        if not self.left:
            return "weights"
        self.epoch += self.left.pop(0)
        raise Lost("worker 1 of 2 was lost: ended by signal 9")

    def run(self) -> str:
        return repeated(self, lambda: self.epoch, self.said.append)


def test_a_lost_worker_is_told_in_one_line_with_the_epoch_to_go_on_from():
    attempts = Attempts(3)

    assert attempts.run() == "weights"
    assert attempts.said == [
        "worker 1 of 2 was lost: ended by signal 9; going on from epoch 3"
    ]  # fmt: skip


def test_attempts_that_finish_an_epoch_are_not_counted():
    assert Attempts(*[1, 0, 0] * 5).run() == "weights"


def test_attempts_in_a_row_that_finish_none_end_the_run():
    attempts = Attempts(2, *[0] * MOST_ATTEMPTS)

    with pytest.raises(WorkersLost, match="signal 9; 4 attempts in a row finished no epoch"):
        attempts.run()

    assert (
        len(attempts.said) == MOST_ATTEMPTS
    )  # after the one that finished two, and all but the last


def test_too_few_places_at_first_are_how_the_cluster_is():
    def attempt() -> str:
        raise Unseated("Spark runs 1 tasks at once")

    with pytest.raises(CannotSpread, match="Spark runs 1 tasks at once"):
        repeated(attempt, lambda: 0, print)


def test_too_few_places_later_are_a_machine_that_was_lost():
    left: list[Exception] = [Lost("worker 1 was lost"), Unseated("Spark runs 1 tasks at once")]
    said: list[str] = []

    def attempt() -> str:
        if left:
            raise left.pop(0)
        return "weights"

    assert repeated(attempt, lambda: 0, said.append) == "weights"
    assert said[1] == "Spark runs 1 tasks at once; going on from epoch 0"


def test_places_that_came_back_meanwhile_are_tried_again():
    assert type(what_failed(TOO_FEW_SLOTS, JOB, lambda: 2)) is Lost


def spark_says(ended: Ended) -> str:
    return f"""Job aborted due to stage failure: Could not recover from a failed barrier ResultStage.
Most recent failure reason: Stage failed because barrier task ResultTask(29, 0) finished unsuccessfully.
org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "model/spread/task.py", line 104, in _run
    raise WorkerEnded(ended.text())
model.spread.task.WorkerEnded: {ended.text()}

	at org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException
"""  # noqa: E501


@pytest.mark.parametrize(
    ("ended", "kind", "said"),
    [
        (Ended(1, "died", "ended by signal 9"), Lost, "worker 1 of 2 was lost: ended by signal 9"),
        (Ended(0, "peer", "Connection reset\nby peer"), Lost, "worker 0 of 2 lost another worker"),
        (Ended(0, "refused", 'the loss is "nan"\nnow'), CannotLearn, 'the loss is "nan"\nnow'),
        (Ended(1, "uneven", "not as many GPUs"), Unseated, "not as many GPUs"),
        (Ended(1, "bug", "weights differ"), RuntimeError, "worker 1 of 2 failed: weights differ"),
    ],
)
def test_how_a_worker_ended_decides_what_is_done(ended, kind, said):
    found = what_failed(spark_says(ended), JOB, lambda: 1)

    assert type(found) is kind
    assert str(found).startswith(said)


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (TOO_FEW_SLOTS, Unseated, "2 workers were asked for, and Spark runs 1 tasks at once"),
        ("[SPARK-24942]: Barrier execution mode does not …", CannotSpread, "dynamicAllocation"),
        ("ExecutorLostFailure (executor 1 exited)", Lost, "Spark lost a worker: ExecutorLost"),
        (UNTOLD, Lost, "Spark lost a worker: EOFError: no more"),
        (CRASHED, Lost, "Spark lost a worker: Python worker exited unexpectedly (crashed). Cons"),
    ],
)
def test_what_spark_itself_says(text, kind, said):
    found = what_failed(text, JOB, lambda: 1)

    assert type(found) is kind
    assert said in str(found)


@pytest.mark.parametrize(
    ("error", "why", "said"),
    [
        (OSError(28, "No space left on device"), "died", "[Errno 28] No space left on device"),
        (EOFError(), "died", "EOFError()"),
        (ArrowInvalid("only read 0 of 8 bytes"), "died", "only read"),
        (MemoryError(), "refused", "worker 1 has too little memory: MemoryError(); lower"),
        (UnevenlySeated("not as many"), "uneven", "not as many"),
        (BadDataset("the images changed"), "refused", "the images changed"),
        (KeyError("image"), "bug", "KeyError('image')"),
    ],
)
def test_an_error_of_the_task_itself_is_told_as_one_of_its_process(error, why, said):
    ended = ended_by(1, error)

    assert (ended.worker, ended.why) == (1, why)
    assert ended.message.startswith(said)


def test_a_seat_is_read_as_it_was_written(tmp_path):
    seat = Seat(JOB, worker=1, beside=(0, 1))

    seat.write(tmp_path)

    assert Seat.read(tmp_path) == seat
