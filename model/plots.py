"""Pictures of a training run: learning curve, confusion matrix, worst mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLUE, ORANGE = "#2563eb", "#ea580c"
MISTAKES = 20


def learning_curve(history: Sequence[dict[str, float]], best_epoch: int, to: Path) -> None:
    """Loss and accuracy by epoch, in training and validation; the chosen epoch is marked."""
    figure = blank_figure(9, 3.4)
    epochs = [row["epoch"] for row in history]
    for place, measure in enumerate(("loss", "accuracy"), start=1):
        axes = figure.add_subplot(1, 2, place)
        axes.plot(epochs, [r[measure] for r in history], "o-", color=BLUE, label="training", ms=4)
        held_out = [r[f"val_{measure}"] for r in history]
        axes.plot(epochs, held_out, "o-", color=ORANGE, label="validation", ms=4)
        axes.axvline(best_epoch, color="#94a3b8", ls="--", lw=1, label="chosen epoch")
        axes.set(xlabel="epoch", title=measure)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(to, dpi=110)


def confusion_matrix(table: NDArray[np.int64], labels: Sequence[str], to: Path) -> None:
    """Which class is taken for which, as shares of each row."""
    side = min(max(4.5, 0.55 * len(labels) + 2), 16)
    figure = blank_figure(side, side * 0.9)
    axes = figure.add_subplot()
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    if len(labels) <= 20:
        for (row, column), count in np.ndenumerate(table):
            if count:
                colour = "white" if shares[row, column] > 0.5 else "#334155"
                axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=8)
    figure.savefig(to, dpi=110)


def worst_mistakes(mistakes: Sequence[tuple[NDArray[np.uint8], str, str, float]], to: Path) -> None:
    """The surest wrong answers: rows of (pixels, true label, predicted label, probability)."""
    columns = 5
    rows = max(1, -(-len(mistakes) // columns))
    figure = blank_figure(9, 2.1 * rows)
    if not mistakes:
        figure.text(0.5, 0.5, "no mistakes on the test images", ha="center")
    for place, (pixels, truth, predicted, probability) in enumerate(mistakes, start=1):
        axes = figure.add_subplot(rows, columns, place)
        axes.imshow(pixels.squeeze(), cmap="gray" if pixels.shape[-1] == 1 else None)
        axes.set_title(f"{truth}\ntaken for {predicted} ({probability:.0%})", fontsize=7)
        axes.axis("off")
    figure.savefig(to, dpi=100)


def blank_figure(width: float, height: float) -> Any:
    """An empty figure of that size (inches)."""
    from matplotlib.figure import Figure  # not pyplot: no window, no global state

    return Figure(figsize=(width, height), layout="constrained")
