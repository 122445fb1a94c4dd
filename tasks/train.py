"""train: submit and wait are two steps, so that a lost wait never trains twice."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager

from model.config import TrainConfig
from tasks.artifacts import markdown_table, picture, show_page
from tasks.attempts import see_through
from tasks.ports import Backend, is_awaited, training_part
from tasks.records import Candidate, CheckedDataset, GatePass, TrainingJob, TrainingRun
from tasks.source import lock_digest, require_same_code, training_code
from tasks.step import Skipped, say, step


def describe_job(checked: CheckedDataset, gate: GatePass, config: TrainConfig) -> TrainingJob:
    """
    All that decides what is computed; its token names the run.

    Raises:
        Refused: the code is no longer that which passed the tests.
    """
    require_same_code(gate.code)
    return TrainingJob(checked, gate, config, model_code=training_code(), lock=lock_digest("train"))


def train_model(on: Backend, job: TrainingJob, is_forced: bool = False) -> Candidate:
    """
    Submit, wait, and submit again if the run itself was lost; it continues from its checkpoint.

    Raises:
        Refused: the trainer says that it cannot learn from this, or not by so many workers.
        Transient: the run was lost ``ATTEMPTS`` times.
    """
    is_known = not is_forced and on.trainer.known(job) is not None
    with contextlib.nullcontext() if is_known else _awaiting(on, job.token):
        on.trainer.sweep(lambda token: token == job.token or is_awaited(on.ledger, token))
        if not is_known:
            on.trainer.require(job.config.workers)
        if is_forced:
            on.trainer.forget(job)
        return see_through(
            "training",
            submit=lambda: submit_training(on, job),
            wait=lambda run: await_training(on, run),
            cancel=lambda: on.trainer.cancel(job),
        )


def _awaiting(on: Backend, token: str) -> AbstractContextManager[None]:
    """So that others leave the run alone, and wait for it if they want the same one."""
    return on.ledger.exclusive(f"training {token[:8]}", say, part=training_part(token))


@step(name="submit-training", timeout_s=600, run_name="submit training {job.token:.8}")
def submit_training(on: Backend, job: TrainingJob) -> TrainingRun:
    """Start the run, or find it again by its token."""
    return on.trainer.submit(job)


# Without a time limit of Prefect's: how long it may train is the backend's to say.
@step(name="await-training", timeout_s=None, run_name="train {run.token:.8}", retries=0)
def await_training(on: Backend, run: TrainingRun) -> Candidate | Skipped[Candidate]:
    """Follow the run to its end; starts nothing, so it may be repeated freely."""
    lines: list[str] = []

    def watch(line: str) -> None:
        lines.append(line)
        say(line)

    candidate = on.trainer.wait(run, watch)
    _show(candidate)
    if not lines:
        return Skipped(candidate, f"a model of the same inputs exists (run {run.token[:8]})")
    return candidate


def _show(candidate: Candidate) -> None:
    folder, config = candidate.folder, candidate.run.job.config
    knobs = markdown_table(("knob", "value"), config.model_dump().items())
    show_page(
        "training",
        f"Candidate {candidate.digest[:12]}: test accuracy {candidate.accuracy:.4f}",
        "\n\n".join(
            [
                picture(folder / "learning_curve.png", "learning curve"),
                picture(folder / "confusion_matrix.png", "confusion matrix"),
                picture(folder / "worst_mistakes.png", "worst mistakes"),
                knobs,
                f"Model folder: `{folder}` · MLflow run: {_tracked(candidate)}",
            ]
        ),
    )


def _tracked(candidate: Candidate) -> str:
    number = f"`{candidate.tracking_run or 'none'}`"
    return f"[{number}]({candidate.tracking_page})" if candidate.tracking_page else number
