"""tune: search for good knobs, by validation images alone; nothing of it goes live."""

from __future__ import annotations

import json
import shlex

from model.config import TrainConfig
from model.tune.result import Result, TrialResult, ranked
from model.tune.space import SPACE, BadSpace, Search, chosen
from tasks.artifacts import markdown_table, picture, show_page
from tasks.attempts import see_through
from tasks.errors import Refused, Transient
from tasks.ports import Backend, Tuner
from tasks.records import Dataset
from tasks.searches import Tuned, TuningJob, TuningRun
from tasks.source import lock_digest, read_code, tuning_code
from tasks.step import Skipped, say, step

BEST = 10  # rows of the table
COLUMNS = ("trial", "validation loss", "validation accuracy", "best epoch", "seconds")


def describe_search(dataset: Dataset, config: TrainConfig, search: Search) -> TuningJob:
    """
    All that decides which trials are made; its token names the search.

    Raises:
        Refused: the search space of model/tune/space.py makes no sense.
    """
    named = search.model_copy(update={"knobs": search.knobs or tuple(SPACE)})
    try:
        chosen(named.knobs)
    except BadSpace as error:
        raise Refused(str(error)) from error
    commit = read_code().commit
    return TuningJob(dataset, config, named, tuning_code(), lock_digest("train"), commit)


def tune_model(on: Backend, job: TuningJob) -> Tuned:
    """
    Submit, wait, and submit again if the search was lost; it goes on where it was.

    Raises:
        Refused: the images cannot be learned from, or no trial led to a model.
        Transient: the search was lost again and again, or its time was over too soon.
    """
    _tuner(on).sweep(keep=job.token)
    run, result = see_through(
        "the search",
        submit=lambda: submit_tuning(on, job),
        wait=lambda run: (run, await_tuning(on, run)),
        cancel=lambda: _tuner(on).cancel(job),
    )
    if result.best is None:
        raise Transient("the time was over before one trial was complete; the same command "
                        "goes on, or give it more --timeout-minutes")  # fmt: skip
    return Tuned(run, result, result.best, run.folder / "out")


def _tuner(on: Backend) -> Tuner:
    if on.tuner is None:
        raise Refused(f"the {on.name} backend does not search; use --backend local")
    return on.tuner


@step(name="submit-tuning", timeout_s=600, run_name="submit search {job.token:.8}")
def submit_tuning(on: Backend, job: TuningJob) -> TuningRun:
    """Start the search, let it go on, or find it running by its token."""
    return _tuner(on).submit(job)


@step(name="await-tuning", timeout_s=None, run_name="search {run.token:.8}", retries=0)
def await_tuning(on: Backend, run: TuningRun) -> Result | Skipped[Result]:
    """Follow the search to its end; starts nothing, so it may be repeated freely."""
    lines: list[str] = []

    def watch(line: str) -> None:
        lines.append(line)
        say(line)

    result = _tuner(on).wait(run, watch)
    _show(run, result)
    if result.best is None and result.is_whole:
        raise _refusal(result)
    if not lines:
        made = len(result.trials)
        return Skipped(result, f"{made} trials of the same search were made (run {run.token[:8]})")
    return result


def release_command(job: TuningJob, best: TrialResult) -> str:
    """The command that trains, judges and serves with the configuration of ``best``."""
    plain, named = TrainConfig(), best.config.model_dump(exclude_none=True)
    knobs = [
        f"--{name.replace('_', '-')} {value}"
        for name, value in named.items()
        if name in job.search.knobs or value != getattr(plain, name)
    ]
    where = f"--data {shlex.quote(job.dataset.uri)} --name {shlex.quote(job.dataset.name)}"
    return " ".join(["python -m flows release", where, *knobs])


def rows_of(result: Result, most: int = BEST) -> list[tuple[object, ...]]:
    """The best trials: ``COLUMNS``, then each knob that was searched."""
    return [
        (
            trial.number, f"{trial.val_loss:.4f}", f"{trial.val_accuracy:.4f}",
            f"{trial.best_epoch} of {trial.epochs}", f"{trial.seconds:.0f}",
            *[getattr(trial.config, name) for name in result.knobs],
        )
        for trial in ranked(result.trials)[:most]
    ]  # fmt: skip


def _refusal(result: Result) -> Refused:
    reasons = tuple(f"trial {trial.number}: {trial.why}" for trial in result.trials)
    listed = "\n".join(f"  · {reason}" for reason in reasons[:BEST])
    return Refused(f"none of {len(reasons)} trials led to a model:\n{listed}", reasons=reasons)


def _show(run: TuningRun, result: Result) -> None:
    best, folder = result.best, run.folder / "out"
    parts = [result.said, markdown_table((*COLUMNS, *result.knobs), rows_of(result))]
    if best:
        config = json.dumps(best.config.model_dump(mode="json"), indent=1)
        parts += [
            f"Release it:\n\n```sh\n{release_command(run.job, best)}\n```",
            f"Or as the parameter `config` of the deployment `release`:\n\n```json\n{config}\n```",
        ]
    parts += [picture(folder / name, name.removesuffix(".png")) for name in result.pictures]
    parts.append(f"Study: `{folder}` · MLflow run: `{result.tracking_run or 'none'}`")
    loss = f"validation loss {best.val_loss:.4f}" if best else "no trial is complete"
    show_page("tuning", f"Search for knobs of {run.job.dataset.name}: {loss}", "\n\n".join(parts))
