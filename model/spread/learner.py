"""The whole of it, in the driver: read by Spark, learn on workers, take the best weights home."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from model.checkpoint import Checkpoint, Progress
from model.config import TrainConfig
from model.fit import is_over
from model.folder import NOTES, PROGRESS
from model.images import ImageSet
from model.learner import CHECKPOINTS, Tell, write_progress
from model.network import NETWORKS
from model.spread.failures import CannotSpread, WorkersLost
from model.spread.following import Follower, while_it_runs
from model.spread.job import Job
from model.spread.looking import look
from model.spread.meeting import SEEN_WITHIN_S, within_time
from model.spread.parts import images_of
from model.spread.places import Places
from model.spread.session import ask_for_slots, is_here, session
from model.spread.shards import Shards, sharded
from model.spread.stage import Learned, Stage, repeated

if TYPE_CHECKING:
    from keras import Model


@contextmanager
def on_workers(
    images: ImageSet, config: TrainConfig, out: Path, mirror: Path | None
) -> Iterator[OnWorkers]:
    """
    Read ``images`` by Spark, and part them among ``config.workers``.

    Args:
        mirror: a folder that driver and workers see; on one machine, ``out`` is one.

    Raises:
        CannotSpread: there are not so many workers, or they would not see ``out``.
        BadDataset, BadImage: as ``load_arrays``, and where images are fewer than workers need.
        WorkersLost: while the images were read.
    """
    with session("training") as spark:
        if mirror is None and not is_here(spark):
            raise CannotSpread(
                "workers on other machines do not see --out; give a folder that all of them see "
                "as --mirror: on Databricks, a volume"
            )
        ask_for_slots(spark, config.workers)
        places = Places(images.chunks(), spark.sparkContext.defaultParallelism)
        looked = look(spark, images, places, config)
        with sharded(spark, images, places, looked, config.workers) as shards:
            yield OnWorkers(shards, config, len(images.labels), (mirror or out).resolve())


class OnWorkers:
    """A ``model.learner.Learner``; ``place`` is the folder that all workers see."""

    def __init__(self, shards: Shards, config: TrainConfig, classes: int, place: Path) -> None:
        self.arrays = shards
        self._config, self._classes, self._place = config, classes, place
        self._notes: list[str] = []

    def fit(self, key: str, tell: Tell) -> tuple[Model, Progress]:
        """
        As ``model.fit.fit``.

        Raises:
            CannotLearn: as there.
            WorkersLost: again and again, or what they wrote is not seen here.
        """
        checkpoint = Checkpoint(self._place / CHECKPOINTS, key)
        follower = Follower(self._place / PROGRESS, tell)
        begun = checkpoint.progress()
        self._place.mkdir(parents=True, exist_ok=True)
        write_progress(self._place / PROGRESS, begun)  # not what another run left there
        with suppress(OSError):  # of an earlier run
            (self._place / NOTES).unlink(missing_ok=True)
        follower.begin(begun)
        epoch = begun.epoch
        if not is_over(begun, self._config):
            epoch = self._learn(key, checkpoint, follower)
        model = NETWORKS[self._config.network](self.arrays.shape, self._classes)
        progress = seen(checkpoint, epoch)
        checkpoint.restore_best(model)
        return model, progress

    def _learn(self, key: str, checkpoint: Checkpoint, follower: Follower) -> int:
        """The epoch with which all ended."""
        images = tuple(images_of(self._config.workers, self.arrays.train_images))
        job = Job(self._config, self._classes, self.arrays.shape, key, str(self._place), images)
        stage = Stage(self.arrays, job)

        def attempt() -> Learned:
            return while_it_runs(stage, follower.look, stage.cancel)

        learned = repeated(attempt, lambda: checkpoint.progress().epoch, self._say)
        self._say(f"{job.workers} workers ended with the same weights, {learned.weights[:12]}")
        return learned.epoch

    def _say(self, line: str) -> None:
        """To the log of this program, and to whoever follows it from elsewhere."""
        print(line, flush=True)
        self._notes.append(line)
        with suppress(OSError):  # a volume takes whole files alone, and at times none
            (self._place / NOTES).write_text("\n".join([*self._notes, ""]), encoding="utf-8")


def seen(checkpoint: Checkpoint, epoch: int, within_s: float = SEEN_WITHIN_S) -> Progress:
    """
    The progress of the checkpoint of ``epoch``, and no earlier one: the first worker wrote it, and
    a mounted folder shows it some time later.

    Raises:
        WorkersLost: it does not.
    """
    progress = Progress()

    def is_there() -> bool:
        nonlocal progress
        progress = checkpoint.progress()
        return progress.epoch == epoch

    if not within_time(is_there, within_s):
        raise WorkersLost(
            f"the workers finished epoch {epoch}, and their folder shows epoch {progress.epoch} to "
            f"the driver after {within_s:g} s; start again, and see whether --mirror is a folder "
            "that all machines see"
        )
    return progress
