"""What every backend promises of its trainer: nothing is trained twice, nothing is left running."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from tasks.errors import Refused, Transient
from tests.contract.conftest import job_of


def quiet(_line: str) -> None: ...


def begun(around, run) -> int:
    """How many times a run that was submitted goes on; a cluster takes its time."""
    until = time.monotonic() + around.patience_s
    while not (found := around.running(run)) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def test_one_worker_is_always_to_be_had(backend):
    backend.trainer.require(1)


@pytest.mark.slow
def test_the_same_job_is_the_same_run_until_it_is_forgotten(backend, around, job):
    first, again = backend.trainer.submit(job), backend.trainer.submit(job)
    assert first == again
    assert begun(around, first) == 1
    said: list[str] = []

    candidate = backend.trainer.wait(first, said.append)
    later = backend.trainer.wait(backend.trainer.submit(job), quiet)

    assert candidate == later
    assert len(said) == 3  # a line an epoch
    assert candidate.accuracy == 1.0

    backend.trainer.forget(job)
    told: list[str] = []
    backend.trainer.wait(backend.trainer.submit(job), told.append)
    assert len(told) == 3


def test_a_lost_run_is_transient_and_goes_on_where_it_was(backend, around, pictures):
    job = job_of(around, pictures, epochs=40, patience=0)
    run = backend.trainer.submit(job)
    lines: list[str] = []
    waiting = threading.Thread(target=wait_for, args=(backend, run, lines))
    waiting.start()
    while len(lines) < 2:
        assert waiting.is_alive(), lines
        time.sleep(0.05)
    why = around.lose(run)
    waiting.join(around.patience_s)
    assert lines[-1].startswith("transient: ")
    assert why in lines[-1]

    candidate = backend.trainer.wait(backend.trainer.submit(job), quiet)

    log = around.log(run)
    assert log.count("epoch 1/40") == 1
    assert log.count("epoch 40/40") == 1
    assert candidate.accuracy == 1.0


def wait_for(backend, run, lines) -> None:
    try:
        backend.trainer.wait(run, lines.append)
    except Transient as error:
        lines.append(f"transient: {error}")


def test_a_cancelled_run_leaves_no_process(backend, around, pictures):
    run = backend.trainer.submit(job_of(around, pictures, epochs=500))
    assert begun(around, run) == 1

    backend.trainer.cancel(run.job)
    backend.trainer.cancel(run.job)

    assert around.running(run) == 0


def test_sweep_ends_what_no_release_waits_for(backend, around, pictures):
    kept = backend.trainer.submit(job_of(around, pictures, epochs=500, seed=1))
    lost = backend.trainer.submit(job_of(around, pictures, epochs=500, seed=2))
    assert begun(around, kept) == 1
    assert begun(around, lost) == 1

    assert backend.trainer.sweep(lambda token: token == kept.token) == 1

    assert around.running(lost) == 0
    assert around.running(kept) == 1


def test_images_that_are_not_those_that_were_checked_are_refused(backend, job):
    other = replace(job.checked.dataset, digest="0" * 64)
    changed = replace(job, checked=replace(job.checked, dataset=other))

    with pytest.raises(Refused, match="changed since it was checked"):
        backend.trainer.wait(backend.trainer.submit(changed), quiet)


def test_data_that_cannot_be_learned_are_refused(backend, around, folder_of):
    run = backend.trainer.submit(job_of(around, folder_of(cat=8)))

    with pytest.raises(Refused, match="two classes"):
        backend.trainer.wait(run, quiet)
