"""What a search leaves: every trial with its measures, and the configuration of the best one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter, ValidationError

from model.config import TrainConfig
from model.folder import write_json

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

RESULT, BEST = "result.json", "best.json"
COUNTS = ("best_epoch", "epochs", "seconds")
CONFIG, MEASURED, WHY = "config", "measured", "why"  # what a trial notes of itself


@dataclass(frozen=True)
class TrialResult:
    """
    One trial that ended.

    Attributes:
        number: from 1, in the order in which the trials were made.
        config: all that decides its training.
        val_loss, val_accuracy: of its best epoch; ``None`` if not one epoch ended.
        best_epoch, epochs: counted from 1; 0 if not one ended.
        why: a sentence if it did not run to its end.
    """

    number: int
    state: Literal["complete", "pruned"]
    config: TrainConfig
    val_loss: float | None
    val_accuracy: float | None
    best_epoch: int
    epochs: int
    seconds: float
    why: str = ""


@dataclass(frozen=True)
class Result:
    """
    A search that ended, because all trials were made or because its time was over.

    Attributes:
        asked: number of trials that were asked for.
        knobs: names of those that were searched.
        pictures: file names beside this one.
    """

    asked: int
    knobs: tuple[str, ...]
    trials: tuple[TrialResult, ...]
    pictures: tuple[str, ...]
    tracking_run: str | None

    @property
    def is_whole(self) -> bool:
        """All trials were made."""
        return len(self.trials) >= self.asked

    @property
    def said(self) -> str:
        """How many trials there are, in words."""
        pruned = sum(trial.state == "pruned" for trial in self.trials)
        return f"{len(self.trials)} of {self.asked} trials, {pruned} of them pruned"

    @property
    def best(self) -> TrialResult | None:
        """The complete trial of least validation loss."""
        return next(iter(ranked(self.trials)), None)

    def write(self, out: Path) -> None:
        """Keep it in ``out``: its presence proves that all else was written."""
        write_json(out / RESULT, TypeAdapter(Result).dump_python(self, mode="json"))

    @classmethod
    def read(cls, out: Path) -> Result | None:
        """The result in ``out``; ``None`` if there is none, or one of an older shape."""
        try:
            return TypeAdapter(cls).validate_json((out / RESULT).read_bytes())
        except (OSError, ValidationError):
            return None


def ranked(trials: Iterable[TrialResult]) -> list[TrialResult]:
    """Complete trials, the one of least validation loss first."""
    whole = [
        (trial.val_loss, trial.number, trial) for trial in trials if trial.val_loss is not None
    ]
    return [trial for _, _, trial in sorted(whole) if trial.state == "complete"]


def results_of(trials: Iterable[FrozenTrial], base: TrainConfig) -> tuple[TrialResult, ...]:
    """From the trials of a study that ended, in their order."""
    return tuple(result_of(n, trial.user_attrs, base) for n, trial in enumerate(trials, start=1))


def result_of(number: int, noted: Mapping[str, Any], base: TrainConfig) -> TrialResult:
    """From what a trial noted; one that noted no reason to end died with its process."""
    why = str(noted.get(WHY, "the process died twice before its first epoch ended"))
    nothing = dict.fromkeys(("val_loss", "val_accuracy")) | dict.fromkeys(COUNTS, 0)
    return TrialResult(
        number=number,
        state="pruned" if why else "complete",
        config=TrainConfig(**noted.get(CONFIG, base.model_dump())),
        why=why,
        **{**nothing, **noted.get(MEASURED, {})},
    )
