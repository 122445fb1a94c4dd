"""
``python -m model.spread.worker FOLDER``: one worker of several, started by a task of Spark.

The folder has its shard and its job. Exit codes: 0 done, else what ``ended.json`` there tells.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.checkpoint import Checkpoint, Progress
from model.devices import before_tensorflow
from model.fit import CannotLearn, learn
from model.folder import PROGRESS, write_json
from model.learner import CHECKPOINTS, write_progress
from model.mirror import Mirror
from model.spread.child import end_with_parent
from model.spread.failures import CannotSpread
from model.spread.job import DONE, ENDED, KEPT, Ended, Seat, too_little_memory
from model.spread.shard_file import read_shard
from model.spread.team import Team

if TYPE_CHECKING:
    from keras import Model


def main() -> int:
    """Learn; answer the exit code."""
    end_with_parent()
    folder = Path(sys.argv[1])
    seat = Seat.read(folder)
    _keep_to_own_cores(*seat.beside)
    before_tensorflow()
    try:
        _learn(seat, folder)
    except Exception as error:  # noqa: BLE001 (told, and the process ends)
        ended = _ended(seat.worker, error)
        if ended.why in ("bug", "died"):  # else it is not this code's
            traceback.print_exc()
        (folder / ENDED).write_text(ended.text(), encoding="utf-8")
        return 1
    return 0


def _learn(seat: Seat, folder: Path) -> None:
    import tensorflow as tf

    job = seat.job
    _keep_to_own_gpus(*seat.beside)
    shared = tf.distribute.MultiWorkerMirroredStrategy()  # waits for the others
    team = Team(job.config, seat.worker, job.images, shared)
    arrays = read_shard(folder, job)
    checkpoint, tell = _writer(seat, folder)
    _, twin, progress = learn(arrays, job.classes, job.config, checkpoint, tell, team)
    epochs = team.epochs(twin, twin.optimizer, shared, job.config.label_smoothing)
    (weights,) = epochs.digests()  # of all: nobody leaves before the chief has written all
    write_json(folder / DONE, {"epoch": progress.epoch, "weights": weights})


def _writer(seat: Seat, folder: Path) -> tuple[Checkpoint, Any]:
    """Checkpoint and word after each epoch: written by the chief alone."""
    (folder / KEPT).mkdir(exist_ok=True)
    if seat.worker:
        return _ReadOnly(folder / KEPT / CHECKPOINTS, seat.job.key), lambda progress: None
    copy = Mirror(folder / KEPT, Path(seat.job.place))

    def tell(progress: Progress) -> None:
        write_progress(folder / KEPT / PROGRESS, progress)
        copy.push()

    return Checkpoint(folder / KEPT / CHECKPOINTS, seat.job.key), tell


class _ReadOnly(Checkpoint):
    """Gives the state of the run, and leaves it to the chief to keep it."""

    def save(self, model: Model, progress: Progress) -> None:
        pass


def _keep_to_own_cores(mine: int, beside: int) -> None:
    """Share the cores out among the workers of this machine; TensorFlow starts a thread a core."""
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) >= beside > 1:
        os.sched_setaffinity(0, cores[mine::beside])


def _keep_to_own_gpus(mine: int, beside: int) -> None:
    """
    Likewise the GPUs.

    Raises:
        CannotSpread: that does not come out even.
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if len(gpus) % beside:
        raise CannotSpread(
            f"{beside} workers are on a machine with {len(gpus)} GPUs, which they cannot share "
            "evenly; ask for as many --workers as the cluster has machines"
        )
    if beside > 1:
        tf.config.set_visible_devices(gpus[mine::beside], "GPU")


def _ended(worker: int, error: Exception) -> Ended:
    """What the error means for the run."""
    import tensorflow as tf

    said = str(error) or repr(error)
    if isinstance(error, CannotLearn | CannotSpread):
        return Ended(worker, "refused", said)
    if isinstance(error, MemoryError | tf.errors.ResourceExhaustedError):
        return Ended(worker, "refused", too_little_memory(worker, said))
    ours = (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError)
    if isinstance(error, tf.errors.OpError) and not isinstance(error, ours):
        return Ended(worker, "peer", said)  # what fails in the middle of an exchange
    return Ended(worker, "died" if isinstance(error, OSError) else "bug", said)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # TensorFlow would wait for workers that have gone
