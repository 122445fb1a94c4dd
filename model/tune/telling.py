"""What is told of a search while it runs: a line a trial and an epoch, and runs in MLflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from model.config import TrainConfig
from model.tracking import Run, open_run
from model.tune.result import Result, TrialResult, ranked

PROGRESS = "progress.txt"


@dataclass(frozen=True)
class Tracking:
    """Which MLflow, and what the run of the search is called there; none without a URI."""

    uri: str | None = None
    experiment: str | None = None
    run_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Telling:
    """
    Tells the terminal, ``progress.txt`` and MLflow.

    Attributes:
        knobs: names of those that are searched.
        trials: how many were asked for.
        parent: the MLflow run of the search; each trial has one below it.
    """

    out: Path
    knobs: tuple[str, ...]
    trials: int
    tracking: Tracking
    parent: Run

    @classmethod
    def of(
        cls, tracking: Tracking, out: Path, knobs: tuple[str, ...], trials: int, name: str
    ) -> Telling:
        """Open the run of the search in MLflow, in the experiment ``name`` if none is given."""
        known = replace(tracking, experiment=tracking.experiment or name)
        tags = dict(known.tags)
        parent = open_run(known.uri, known.experiment or name, known.run_name, tags, out)
        return cls(out, knobs, trials, known, parent)

    def say(self, line: str) -> None:
        """One line, for whoever follows the search."""
        print(line, flush=True)
        with (self.out / PROGRESS).open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")

    def begun(self, number: int, config: TrainConfig, place: Path, *, after: int) -> Run:
        """A trial begins, or goes on after that epoch; its MLflow run is noted in ``place``."""
        knobs = "  ".join(f"{plain(name)} {getattr(config, name)}" for name in self.knobs)
        since = f"  (goes on after epoch {after})" if after else ""
        self.say(f"trial {number}/{self.trials}  {knobs}{since}")
        tags = {"mlflow.parentRunId": self.parent.id or ""}
        into = self.tracking.experiment or "tune"
        run = open_run(self.tracking.uri, into, f"trial {number}", tags, place)
        run.parameters(config.model_dump())
        return run

    def epoch(self, number: int, measures: dict[str, float], run: Run) -> None:
        """An epoch ended."""
        self.say(
            f"trial {number}/{self.trials}  "
            "epoch {epoch:g}/{epochs:g}  loss {loss:.4f}  accuracy {accuracy:.4f}  validation loss "
            "{val_loss:.4f}  accuracy {val_accuracy:.4f}  {images_per_s:,.0f} images/s".format(
                **measures
            )
        )
        run.epoch(measures)

    def ended(self, trial: TrialResult, before: Sequence[TrialResult], run: Run) -> None:
        """A trial ended; ``before`` are those that ended earlier."""
        best = next(iter(ranked([*before, trial])), None)
        said = f"pruned: {trial.why}"
        if best and trial.state == "complete":
            beside = "the best so far" if best is trial else f"trial {best.number} is better"
            said = (f"done: validation loss {trial.val_loss:.4f}  "
                    f"accuracy {trial.val_accuracy:.4f}  ({beside})")  # fmt: skip
        self.say(f"trial {trial.number}/{self.trials}  {said}")
        status = "FINISHED" if trial.state == "complete" else "KILLED"
        run.end(status, _measures(trial), {"outcome": trial.state, "why": trial.why})

    def finish(self, result: Result, files: Iterable[Path]) -> None:
        """The search ended: its best trial and ``files`` go to the MLflow run above all trials."""
        best = result.best
        tags = {"trials": str(len(result.trials)), "best_trial": str(best.number if best else "")}
        there = (file for file in files if file.exists())
        self.parent.end("FINISHED", _measures(best) if best else {}, tags, there)


def plain(knob: str) -> str:
    """The name of a knob as a person says it."""
    return knob.replace("_", " ")


def _measures(trial: TrialResult) -> dict[str, float]:
    found = {"best_val_loss": trial.val_loss, "best_val_accuracy": trial.val_accuracy,
             "best_epoch": float(trial.best_epoch)}  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}
