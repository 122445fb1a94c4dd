"""Following a trial epoch by epoch, and ending it early: it does badly, or the time is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from model.checkpoint import Progress
from model.tracking import Run
from model.tune.result import MEASURED
from model.tune.study import TOLD
from model.tune.telling import Telling

if TYPE_CHECKING:
    from optuna.trial import Trial


class Late(Exception):
    """The time of the search is over; the trial that runs goes on another time."""


class Pruned(Exception):
    """The trial does badly; the message says beside what."""


@dataclass(frozen=True)
class Follower:
    """Is told the progress of a trial after each epoch, and ends it early if it does badly."""

    trial: Trial
    telling: Telling
    number: int
    run: Run
    ask_for_time: Callable[[], None]

    def __call__(self, progress: Progress) -> None:
        known = self.trial.user_attrs.get(MEASURED, {}).get("epochs", 0)
        for measures in progress.history[known:]:
            self.trial.report(measures["val_loss"], int(measures["epoch"]))
            if measures["epoch"] > self.trial.user_attrs.get(TOLD, 0):
                self.telling.epoch(self.number, measures, self.run)
        if progress.history:
            measured = measured_of(progress)
            self.trial.set_user_attr(MEASURED, measured)
            if progress.epoch == progress.history[-1]["epochs"]:
                return  # the last one: nothing is left to save by pruning, or by stopping here
            if self.trial.should_prune():
                raise Pruned(f"validation loss {measured['val_loss']:.4f} after {progress.epoch} "
                             "epochs, worse than the median of earlier trials")  # fmt: skip
        self.ask_for_time()


def measured_of(progress: Progress) -> dict[str, float]:
    """The measures of the best epoch so far, which are those of the trial."""
    best = progress.history[progress.best_epoch - 1]
    return {
        "val_loss": best["val_loss"],
        "val_accuracy": best["val_accuracy"],
        "best_epoch": progress.best_epoch,
        "epochs": progress.epoch,
        "seconds": sum(epoch["seconds"] for epoch in progress.history),
    }
