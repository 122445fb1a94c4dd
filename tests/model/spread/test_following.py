"""Each epoch is told once, whoever is killed in between."""

from __future__ import annotations

import json
import threading

import pytest

from model.checkpoint import Progress
from model.learner import write_progress
from model.spread.following import EVERY_S, Follower, progress_of, while_it_runs


def epochs(count: int) -> list[dict[str, float]]:
    losses = [3.0, 1.0, 2.0, 0.5, 0.7]
    return [{"epoch": at + 1, "val_loss": losses[at]} for at in range(count)]


@pytest.fixture
def told():
    return []


@pytest.fixture
def follower(tmp_path, told):
    return Follower(tmp_path / "progress.jsonl", lambda progress: told.append(progress.epoch))


def test_epochs_are_told_in_turn_also_when_several_came_at_once(follower, told, tmp_path):
    follower.begin(Progress())
    for count in (1, 1, 4):
        write_progress(tmp_path / "progress.jsonl", progress_of(epochs(count)))
        follower.look()

    assert told == [0, 1, 2, 3, 4]


def test_epochs_that_are_repeated_after_a_loss_are_not_told_again(follower, told, tmp_path):
    follower.begin(progress_of(epochs(2)))
    for count in (3, 2, 3, 4):
        write_progress(tmp_path / "progress.jsonl", progress_of(epochs(count)))
        follower.look()

    assert told == [2, 3, 4]


def test_half_a_line_is_told_when_it_is_whole(follower, told, tmp_path):
    lines = "".join(json.dumps(each) + "\n" for each in epochs(2))
    follower.begin(Progress())
    for text in (lines[:-9], lines):
        (tmp_path / "progress.jsonl").write_text(text)
        follower.look()

    assert told == [0, 1, 2]


def test_the_best_epoch_is_the_first_with_the_least_loss():
    assert progress_of(epochs(5)) == Progress(5, 4, epochs(5))
    assert progress_of([]) == Progress()


def test_what_cannot_be_told_ends_the_work():
    ended = threading.Event()

    with pytest.raises(OSError, match="no space left"):
        while_it_runs(ended.wait, failing, ended.set)


def test_work_that_has_not_begun_is_ended_when_it_has():
    begun, ended = threading.Event(), threading.Event()

    def work() -> bool:
        begun.wait(EVERY_S)  # nobody sets it: it takes a while to begin
        begun.set()
        return ended.wait(60)

    def end() -> None:
        if begun.is_set():
            ended.set()

    with pytest.raises(OSError, match="no space left"):
        while_it_runs(work, failing, end)

    assert ended.is_set()


def test_what_hinders_the_end_does_not_hide_why_it_was_to_be():
    tries, ended = [], threading.Event()

    def end() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError("Spark does not answer")
        ended.set()

    with pytest.raises(OSError, match="no space left") as found:
        while_it_runs(lambda: ended.wait(60), failing, end)

    assert ended.is_set()
    assert found.value.__notes__ == ["the work could not be ended at once: Spark does not answer"]


def failing() -> None:
    raise OSError("no space left")


def test_an_error_of_the_work_is_ours_after_a_last_look():
    looked = []

    def work() -> None:
        raise ValueError("of the work")

    with pytest.raises(ValueError, match="of the work"):
        while_it_runs(work, lambda: looked.append(1), lambda: None)

    assert looked
