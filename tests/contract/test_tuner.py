"""What every backend promises of its tuner: no trial is made twice, nothing is left running."""

from __future__ import annotations

import threading
import time

import pytest

from model.config import TrainConfig
from model.tune.space import Search
from tasks.errors import Refused, Transient
from tasks.searches import TuningJob
from tests.contract.conftest import only_here
from tests.contract.surroundings import processes_of
from tests.contract.test_trainer import quiet

pytestmark = [pytest.mark.long, only_here]


@pytest.fixture(autouse=True)
def nothing_left(backend):
    yield
    backend.tuner.sweep(keep=None)


def search_of(backend, pictures, *, trials=2, knobs=("learning_rate",), **config) -> TuningJob:
    dataset = backend.datasets.identify(str(pictures), None)
    given = TrainConfig(**{"epochs": 2, "batch_size": 16, **config})
    return TuningJob(dataset, given, Search(trials=trials, knobs=knobs), code="code", lock="lock")


@pytest.mark.slow
def test_the_same_search_is_the_same_run_and_more_trials_make_it_go_on(backend, pictures):
    job = search_of(backend, pictures)
    first, again = backend.tuner.submit(job), backend.tuner.submit(job)
    assert first == again
    assert len(processes_of(first)) == 1
    said: list[str] = []

    found = backend.tuner.wait(first, said.append)
    later = backend.tuner.wait(backend.tuner.submit(job), quiet)
    more = search_of(backend, pictures, trials=3)
    told: list[str] = []
    grown = backend.tuner.wait(backend.tuner.submit(more), told.append)

    assert found == later
    assert len(found.trials) == 2
    assert [line[:9] for line in said].count("trial 2/2") == 4  # it begins, two epochs, it ends
    assert found.tracking_run
    assert grown.trials[:2] == found.trials
    assert not [line for line in told if line.startswith(("trial 1/", "trial 2/"))]


@pytest.mark.slow
def test_a_killed_search_is_transient_and_goes_on_where_it_was(backend, pictures):
    job = search_of(backend, pictures, trials=1, epochs=40, patience=0)
    run = backend.tuner.submit(job)
    lines: list[str] = []
    waiting = threading.Thread(target=wait_for, args=(backend, run, lines))
    waiting.start()
    while not any("epoch 3/40" in line for line in lines):
        assert waiting.is_alive(), lines
        time.sleep(0.05)
    for process in processes_of(run):
        process.kill()
    waiting.join(30)
    assert lines[-1].startswith("transient: the tuner was killed")
    told: list[str] = []

    found = backend.tuner.wait(backend.tuner.submit(job), told.append)

    assert [trial.epochs for trial in found.trials] == [40]
    assert not any("epoch 1/40" in line for line in told)


def wait_for(backend, run, lines) -> None:
    try:
        backend.tuner.wait(run, lines.append)
    except Transient as error:
        lines.append(f"transient: {error}")


def test_a_search_that_is_asked_for_something_else_is_ended_and_goes_on(backend, pictures):
    long = search_of(backend, pictures, trials=500, epochs=500, patience=0)
    shorter = search_of(backend, pictures, trials=400, epochs=500, patience=0)
    run = backend.tuner.submit(long)
    (before,) = processes_of(run)

    assert backend.tuner.submit(shorter).token == run.token

    (now,) = processes_of(run)
    assert now.pid != before.pid
    assert not before.is_running() or before.status() == "zombie"


def test_a_cancelled_search_leaves_no_process(backend, pictures):
    run = backend.tuner.submit(search_of(backend, pictures, epochs=500))

    backend.tuner.cancel(run.job)
    backend.tuner.cancel(run.job)

    assert processes_of(run) == []


def test_sweep_ends_what_no_command_waits_for(backend, pictures):
    kept = backend.tuner.submit(search_of(backend, pictures, epochs=500, seed=1))
    lost = backend.tuner.submit(search_of(backend, pictures, epochs=500, seed=2))

    assert backend.tuner.sweep(keep=kept.token) == 1

    assert processes_of(lost) == []
    assert len(processes_of(kept)) == 1


def test_data_that_cannot_be_learned_are_refused(backend, folder_of):
    run = backend.tuner.submit(search_of(backend, folder_of(cat=8)))

    with pytest.raises(Refused, match="1 classes"):
        backend.tuner.wait(run, quiet)
