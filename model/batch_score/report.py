"""What whoever follows a scoring reads: lines while it works, then its result and a picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import IO

from model.batch_score.place import VOLUMES
from model.batch_score.scores import SCORES_JSON, TENTHS, Scores
from model.batch_score.whole import copy_whole, replace_whole
from model.plots import BLUE, blank_figure

PROGRESS, PICTURE = "progress.txt", "scores.png"
MOST_CLASSES = 20  # that a bar chart can name


def follower(folder: Path | None) -> Callable[[str], None]:
    """Tells a line to the terminal, and to ``progress.txt``."""
    if folder is None:
        return lambda line: print(line, flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []

    def say(line: str) -> None:
        print(line, flush=True)
        if str(folder).startswith(VOLUMES):  # which take whole files only
            lines.append(f"{line}\n")
            (folder / PROGRESS).write_text("".join(lines), encoding="utf-8")
            return
        with (folder / PROGRESS).open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")

    return say


def write_report(scores: Scores, folder: Path) -> None:
    """The picture, then a copy of ``scores.json``: where that is, all is."""
    picture = io.BytesIO()
    draw(scores, picture)
    (folder / PICTURE).write_bytes(picture.getvalue())
    write = copy_whole if str(folder).startswith(VOLUMES) else replace_whole
    write(scores.to_json(), folder / SCORES_JSON)


def draw(scores: Scores, to: IO[bytes]) -> None:
    """How sure the answers are, and of which classes."""
    counts = sorted(scores.totals.predicted.items(), key=lambda each: -each[1])[:MOST_CLASSES]
    made = blank_figure(9, max(3.4, 0.24 * len(counts) + 1.2))
    sure, shares = made.add_subplot(1, 2, 1), made.add_subplot(1, 2, 2)
    middles = [(tenth + 0.5) / TENTHS for tenth in range(TENTHS)]
    sure.bar(middles, scores.totals.tenths, width=0.9 / TENTHS, color=BLUE)
    sure.set(xlabel="confidence", ylabel="images", xlim=(0, 1), title="how sure")
    names = [name for name, _ in counts]
    shares.barh(names, [count / scores.rows for _, count in counts], color=BLUE)
    shares.invert_yaxis()
    shares.set(xlabel="share of the images", title="answered with")
    for axes in (sure, shares):
        axes.spines[["top", "right"]].set_visible(False)
    made.savefig(to, dpi=110, format="png")
