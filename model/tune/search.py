"""The search itself: one trial after another, in one process, each pruned if it does badly."""

from __future__ import annotations

import gc
import hashlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.arrays import Arrays
from model.checkpoint import Checkpoint, Progress, run_key
from model.config import TrainConfig
from model.fit import CannotLearn, fit
from model.tune.following import Follower, Late, Pruned
from model.tune.result import CONFIG, WHY, result_of, results_of
from model.tune.space import config_of
from model.tune.study import TOLD, Study
from model.tune.telling import Telling

TRIALS = "trials"


@dataclass(frozen=True)
class Task:
    """
    What all trials have in common.

    Attributes:
        arrays: the training images; the test images are not among them.
        base: the configuration of which each trial changes some knobs.
        data: digest of the arrays.
    """

    arrays: Arrays
    classes: int
    base: TrainConfig
    data: str
    out: Path


def run_trials(
    task: Task,
    study: Study,
    telling: Telling,
    *,
    timeout_s: float | None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Make the trials that are left, until all are made or the time is over."""
    until = None if timeout_s is None else clock() + timeout_s

    def ask_for_time() -> None:
        if until is not None and clock() >= until:
            raise Late

    try:
        while len(study.ended()) < telling.trials:
            ask_for_time()
            _run_next(task, study, telling, ask_for_time)
    except Late:
        telling.say(f"the time is over: {len(study.ended())} of {telling.trials} trials were made")


def _run_next(task: Task, study: Study, telling: Telling, ask_for_time: Callable[[], None]) -> None:
    trial, before = study.next(), results_of(study.ended(), task.base)
    config, number = config_of(trial.params, task.base), len(before) + 1
    trial.set_user_attr(CONFIG, config.model_dump())
    place = task.out / TRIALS / run_key(config, task.data)[:16]
    place.mkdir(parents=True, exist_ok=True)
    run = telling.begun(number, config, place, after=trial.user_attrs.get(TOLD, 0))
    try:
        follow = Follower(trial, telling, number, run, ask_for_time)
        why = _train(task, config, place, follow)
    except BaseException as error:  # also an interruption: this trial is made again
        study.set_aside(trial)
        if isinstance(error, Late):
            run.end("KILLED", {}, {"why": "the time was over"})
        raise
    trial.set_user_attr(WHY, why)
    telling.ended(result_of(number, trial.user_attrs, config), before, run)
    study.end(trial, why)
    shutil.rmtree(place, ignore_errors=True)


def _train(task: Task, config: TrainConfig, place: Path, follow: Callable[[Progress], None]) -> str:
    """Train; say why not to the end, if so."""
    import keras
    import tensorflow as tf

    checkpoint = Checkpoint(place, run_key(config, task.data))
    try:
        fit(task.arrays, task.classes, config, checkpoint, follow)
    except (CannotLearn, Pruned) as error:
        return str(error)
    except (MemoryError, tf.errors.ResourceExhaustedError):
        return "it needs more memory than there is"
    finally:
        keras.backend.clear_session()  # else each trial's graph would stay to the end
        gc.collect()
    return ""


def digest_of_arrays(arrays: Arrays) -> str:
    """SHA-256 of pixels and classes: of all that a trial can learn from."""
    total = hashlib.sha256(repr(arrays.shape).encode())
    for part in np.array_split(arrays.pixels, max(1, len(arrays.pixels) // 4096)):
        total.update(np.ascontiguousarray(part).data)
    total.update(arrays.labels.tobytes())
    return total.hexdigest()
