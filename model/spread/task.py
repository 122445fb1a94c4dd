"""
A worker's task in Spark: bring the shard to the disk, find the others, run the worker's process.

A process of its own, since Spark's is a fork of a process beside others, and TensorFlow wants to
know the whole team when it starts.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.devices import gpus_here
from model.images import BadDataset
from model.spread.child import run_child
from model.spread.failures import CannotSpread, UnevenlySeated
from model.spread.job import DONE, ENDED, Ended, Job, Seat, too_little_memory
from model.spread.meeting import meet, neighbours
from model.spread.shard_file import write_shard

if TYPE_CHECKING:
    from pyarrow import RecordBatch

LEARNED = "worker int, epoch int, weights string"
PEER_WAITS_S = 10.0
MODULE = "model.spread.worker"
# What TensorFlow says before anybody can tell it to be quiet; a machine without a GPU is no error.
NOISE = re.compile(r"WARNING: All log messages before absl|[IW]\d{4} |E\d{4} .* call to cuInit")


class WorkerEnded(RuntimeError):
    """A worker's process ended before its time; the message is an ``Ended`` as text."""


def learn(
    batches: Iterable[RecordBatch], job: Job, digests: tuple[str, ...]
) -> Iterator[RecordBatch]:
    """
    Work of a barrier stage with one task a worker; a row tells how the worker ended.

    Raises:
        WorkerEnded: without success.
    """
    import pyarrow as arrow
    from pyspark import BarrierTaskContext

    context = BarrierTaskContext.get()
    worker = context.partitionId()
    with tempfile.TemporaryDirectory(prefix=_prefix(job, worker), dir=_disk(job, worker)) as name:
        folder = Path(name)
        try:
            write_shard(batches, folder, job, worker, digests[worker])
            done = _run(job, worker, folder, meet(context, job, folder, gpus_here()))
        except WorkerEnded:
            raise
        except Exception as error:
            raise WorkerEnded(ended_by(worker, error).text()) from error
    row = {"worker": worker, "epoch": done["epoch"], "weights": done["weights"]}
    kinds = [("worker", arrow.int32()), ("epoch", arrow.int32()), ("weights", arrow.string())]
    yield arrow.RecordBatch.from_pylist([row], schema=arrow.schema(kinds))


def ended_by(worker: int, error: Exception) -> Ended:
    """What an error of the task itself means for the run."""
    from pyarrow import ArrowInvalid

    said = str(error) or repr(error)
    if isinstance(error, UnevenlySeated):
        return Ended(worker, "uneven", said)
    if isinstance(error, BadDataset | CannotSpread):
        return Ended(worker, "refused", said)
    if isinstance(error, MemoryError):
        return Ended(worker, "refused", too_little_memory(worker, said))
    # The disk; or what Spark sends ends in the middle, for its side of the task has failed.
    if isinstance(error, OSError | EOFError | ArrowInvalid):
        return Ended(worker, "died", said)
    return Ended(worker, "bug", repr(error))


def _run(job: Job, worker: int, folder: Path, cluster: list[str]) -> dict[str, Any]:
    Seat(job, worker, neighbours(cluster, worker)).write(folder)
    told = {"cluster": {"worker": cluster}, "task": {"type": "worker", "index": worker}}
    found = {"TF_CONFIG": json.dumps(told), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", MODULE, str(folder)]
    code, said = run_child(
        command, {**os.environ, **found}, folder, lambda line: _say(worker, line)
    )
    if code == 0:
        return dict(json.loads((folder / DONE).read_text(encoding="utf-8")))
    ended = _ended(worker, code, said, folder / ENDED)
    if ended.why == "peer":
        time.sleep(PEER_WAITS_S)  # so that the one that was lost is told of, who is the cause
    raise WorkerEnded(ended.text())


def _ended(worker: int, code: int, said: str, note: Path) -> Ended:
    try:
        return Ended.of(note.read_text(encoding="utf-8"))
    except OSError:
        how = f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}: {said}"
        return Ended(worker, "died", how)


def _say(worker: int, line: str) -> None:
    if not NOISE.match(line):
        print(f"worker {worker}: {line}", file=sys.stderr, flush=True)


def _disk(job: Job, worker: int) -> str:
    """Where Spark keeps what it does not hold in memory; without what a killed task left there."""
    place = os.environ.get("SPARK_LOCAL_DIRS", "").split(",")[0] or tempfile.gettempdir()
    for left in Path(place).glob(f"{_prefix(job, worker)}*"):
        shutil.rmtree(left, ignore_errors=True)
    return place


def _prefix(job: Job, worker: int) -> str:
    return f"worker-{job.key[:16]}-{worker}-"
