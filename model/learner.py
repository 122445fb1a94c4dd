"""Who learns from a data set: this process alone, or workers that Spark starts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from model.arrays import TrainingImages, load_arrays
from model.checkpoint import Checkpoint, Progress
from model.config import TrainConfig
from model.fit import fit
from model.folder import PROGRESS
from model.images import ImageSet

if TYPE_CHECKING:
    from keras import Model

CHECKPOINTS = "checkpoints"
Tell = Callable[[Progress], None]


class Learner(Protocol):
    """The training images, read, and who learns from them."""

    @property
    def arrays(self) -> TrainingImages: ...
    def fit(self, key: str, tell: Tell) -> tuple[Model, Progress]:
        """As ``model.fit.fit``; of the run ``key`` alone a checkpoint is continued."""


@contextmanager
def learner(
    images: ImageSet, config: TrainConfig, out: Path, mirror: Path | None
) -> Iterator[Learner]:
    """
    Read ``images``; one worker is the ordinary training, in this process.

    Raises:
        BadDataset, BadImage: as ``load_arrays``.
        CannotSpread: there are not so many workers.
    """
    if config.workers == 1:
        yield _Alone(images, config, out)
        return
    from model.spread.learner import on_workers

    with on_workers(images, config, out, mirror) as found:
        yield found


class _Alone:
    """Reads and learns in this process."""

    def __init__(self, images: ImageSet, config: TrainConfig, out: Path) -> None:
        self.arrays = load_arrays(images, config, out / "scratch")
        self._classes, self._config, self._out = len(images.labels), config, out

    def fit(self, key: str, tell: Tell) -> tuple[Model, Progress]:
        def noted(progress: Progress) -> None:
            write_progress(self._out / PROGRESS, progress)
            tell(progress)

        checkpoint = Checkpoint(self._out / CHECKPOINTS, key)
        return fit(self.arrays, self._classes, self._config, checkpoint, noted)


def write_progress(file: Path, progress: Progress) -> None:
    """One line an epoch, for whoever follows the run; written whole, also when it resumes."""
    lines = "".join(json.dumps(epoch) + "\n" for epoch in progress.history)
    file.write_text(lines, encoding="utf-8")
