"""Pictures of a search: how it went, each trial by epoch, what each knob does, what matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model.plots import BLUE, ORANGE, blank_figure
from model.tune.result import TrialResult, ranked
from model.tune.space import Between, Space

GREY = "#94a3b8"
LOSS = "validation loss"


def draw(
    trials: Sequence[TrialResult],
    curves: Sequence[Mapping[int, float]],
    importances: Mapping[str, float],
    space: Space,
    out: Path,
) -> tuple[str, ...]:
    """
    Draw what there is to see; answer the names of the files in ``out``.

    Args:
        curves: validation loss by epoch, of each trial.
        importances: share of each knob; empty if there are too few trials to tell.
    """
    measured = [trial for trial in trials if trial.val_loss is not None]
    if not measured:
        return ()
    _history(measured, out / "history.png")
    _curves(trials, curves, out / "curves.png")
    _slices(measured, space, out / "slices.png")
    names = ("history.png", "curves.png", "slices.png")
    if not importances:
        return names
    _importances(importances, out / "importances.png")
    return (*names, "importances.png")


def _history(trials: Sequence[TrialResult], to: Path) -> None:
    """The measure of each trial, and the best one so far."""
    made = blank_figure(9, 3.4)
    axes = _axes(made, 1, 1, title="each trial, and the best so far")
    _points(axes, trials, [trial.number for trial in trials])
    line, best = [], None
    for trial in trials:
        if trial.state == "complete" and (best is None or (trial.val_loss or 0.0) < best):
            best = trial.val_loss
        if best is not None:
            line.append((trial.number, best))
    if line:
        numbers, losses = zip(*line, strict=True)
        axes.step(numbers, losses, where="post", color=ORANGE, label="best so far")
    axes.set(xlabel="trial", ylabel=LOSS)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, fontsize=8)
    made.savefig(to, dpi=110)


def _curves(trials: Sequence[TrialResult], curves: Sequence[Mapping[int, float]], to: Path) -> None:
    """Validation loss by epoch; what was pruned ends early, in grey."""
    made = blank_figure(9, 3.4)
    axes = _axes(made, 1, 1, title="each trial by epoch")
    best = next(iter(ranked(trials)), None)
    for trial, curve in zip(trials, curves, strict=True):
        colour, label = (BLUE, None) if trial.state == "complete" else (GREY, None)
        if trial == best:
            colour, label = ORANGE, f"trial {trial.number}, the best"
        axes.plot(list(curve), list(curve.values()), "o-", color=colour, label=label, ms=3, lw=1)
    axes.set(xlabel="epoch", ylabel=LOSS)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if best:
        axes.legend(frameon=False, fontsize=8)
    made.savefig(to, dpi=110)


def _slices(trials: Sequence[TrialResult], space: Space, to: Path) -> None:
    """The measure beside the value of each knob."""
    made = blank_figure(3.2 * len(space) + 1, 3.4)
    for place, (name, part) in enumerate(space.items(), start=1):
        axes = _axes(made, len(space), place, title=name.replace("_", " "))
        values = [getattr(trial.config, name) for trial in trials]
        if isinstance(part, Between):
            axes.set_xscale(part.scale)
            _points(axes, trials, values)
        else:
            _points(axes, trials, [part.values.index(value) for value in values])
            axes.set_xticks(range(len(part.values)), [str(value) for value in part.values])
            axes.set_xlim(-0.5, len(part.values) - 0.5)
        if place == 1:
            axes.set(ylabel=LOSS)
            axes.legend(frameon=False, fontsize=8)
    made.savefig(to, dpi=110)


def _importances(importances: Mapping[str, float], to: Path) -> None:
    """How much of what makes a good trial is due to each knob."""
    made = blank_figure(6, 0.5 * len(importances) + 1.2)
    axes = made.add_subplot()
    names = sorted(importances, key=lambda name: importances[name])
    shares = [importances[name] for name in names]
    axes.barh([name.replace("_", " ") for name in names], shares, color=BLUE)
    axes.set(xlabel="share", title="importance of each knob", xlim=(0, 1))
    axes.spines[["top", "right"]].set_visible(False)
    made.savefig(to, dpi=110)


def _axes(made: Any, columns: int, place: int, *, title: str) -> Any:
    axes = made.add_subplot(1, columns, place)
    axes.set(title=title, yscale="log")  # a trial that goes wrong is far above all others
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _points(axes: Any, trials: Sequence[TrialResult], values: Sequence[Any]) -> None:
    for state, colour, mark in (("complete", BLUE, "o"), ("pruned", GREY, "x")):
        rows = [
            (value, trial.val_loss)
            for value, trial in zip(values, trials, strict=True)
            if trial.state == state
        ]
        if rows:
            axes.scatter(*zip(*rows, strict=True), color=colour, marker=mark, s=22, label=state)
