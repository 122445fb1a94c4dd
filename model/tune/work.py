"""From images to the result of a search: what the program does, in order."""

from __future__ import annotations

import shutil
from pathlib import Path

from model.config import TrainConfig
from model.folder import write_json
from model.tune.pictures import draw
from model.tune.result import BEST, Result, results_of
from model.tune.search import TRIALS, Task, digest_of_arrays, run_trials
from model.tune.space import Search, Space
from model.tune.study import Study
from model.tune.telling import Telling, Tracking
from model.tune.training_split import TrainingSplit, load_training_arrays, open_training_split

LEAST_FOR_IMPORTANCES = 5  # complete trials


def work(
    data: str, out: Path, search: Search, space: Space, config: TrainConfig, tracking: Tracking
) -> Result:
    """
    Make the trials that are left, and write the result.

    Raises:
        BadDataset, BadImage: the training images cannot be learned from.
        BadStudy: the file of an earlier search in ``out`` is damaged.
    """
    out.mkdir(parents=True, exist_ok=True)
    images = open_training_split(data)
    study = Study(out / "study.db", space, seed=config.seed, epochs=config.epochs)
    first = {name: getattr(config, name) for name in space}
    study.begin({name: value for name, value in first.items() if value in space[name]})
    telling = Telling.of(tracking, out, tuple(space), search.trials, images.name)
    if len(study.ended()) < search.trials:
        _search(images, study, search, config, telling)
    return _conclude(study, space, config, telling)


def _search(
    images: TrainingSplit, study: Study, search: Search, config: TrainConfig, telling: Telling
) -> None:
    """Decode the training images once, for all trials."""
    out, made = telling.out, len(study.ended())
    arrays = load_training_arrays(images, config, out / "scratch")
    before = f"; {made} of {search.trials} trials were made before" if made else ""
    telling.say(f"{len(arrays.labels):,} training images of shape {arrays.shape}{before}")
    task = Task(arrays, len(images.labels), config, digest_of_arrays(arrays), out)
    minutes = search.timeout_minutes
    run_trials(task, study, telling, timeout_s=None if minutes is None else minutes * 60)
    shutil.rmtree(out / "scratch", ignore_errors=True)


def _conclude(study: Study, space: Space, config: TrainConfig, telling: Telling) -> Result:
    """Draw, write, tell MLflow; the result is written last."""
    out, ended = telling.out, study.ended()
    trials = results_of(ended, config)
    is_enough = sum(trial.state == "complete" for trial in trials) >= LEAST_FOR_IMPORTANCES
    importances = study.importances() if is_enough and len(space) > 1 else {}
    curves = [trial.intermediate_values for trial in ended]
    pictures = draw(trials, curves, importances, space, out)
    result = Result(telling.trials, tuple(space), trials, pictures, telling.parent.id)
    if result.best:
        write_json(out / BEST, result.best.config.model_dump(mode="json"))
    telling.finish(result, [out / name for name in (BEST, *pictures)])
    result.write(out)
    if result.is_whole:
        shutil.rmtree(out / TRIALS, ignore_errors=True)
    return result
