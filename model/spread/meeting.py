"""How the workers of a team find each other, and begin with the same."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from model.learner import CHECKPOINTS, PROGRESS
from model.spread.failures import CannotSpread
from model.spread.job import KEPT, Job

SEEN_WITHIN_S = 60.0  # in which a mounted folder shows what another machine wrote


def meet(context: Any, job: Job, folder: Path) -> list[str]:
    """
    Tell the others where we are, and learn where they are; take the chief's checkpoint along.

    The chief, worker 0, takes the checkpoint that it finds, and says which one that is: so all
    begin with the same, also where a folder shows to some what it does not show to others yet.

    Args:
        context: of the barrier stage.
        folder: of this worker.

    Raises:
        CannotSpread: the folder that all are to see is not one.
    """
    worker = context.partitionId()
    if not _within_time(Path(job.place, PROGRESS).exists):
        raise CannotSpread(f"worker {worker} does not see {job.place}, to which the driver writes; "
                           "give a folder that all machines see as --mirror")  # fmt: skip
    kept = Path(job.place, CHECKPOINTS, "last.npz")
    mine = folder / KEPT / CHECKPOINTS / kept.name
    host = context.getTaskInfos()[worker].address.rpartition(":")[0]
    told = {"at": f"{host}:{free_port(host)}", "checkpoint": "" if worker else _copied(kept, mine)}
    all_told = [json.loads(each) for each in context.allGather(json.dumps(told))]
    chosen = all_told[0]["checkpoint"]
    if worker and chosen and not _within_time(lambda: _copied(kept, mine) == chosen):
        raise CannotSpread(f"worker {worker} finds another {kept} than the first worker; give a "
                           "folder that all machines see as --mirror")  # fmt: skip
    return [each["at"] for each in all_told]


def free_port(host: str) -> int:
    """A port on which nobody listens now; whoever is quicker may still take it."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as found:
        found.bind((host.strip("[]"), 0))
        return int(found.getsockname()[1])


def neighbours(cluster: list[str], worker: int) -> tuple[int, int]:
    """
    Which of the workers on its machine a worker is, and how many these are.

    >>> neighbours(["10.0.0.1:5", "10.0.0.2:5", "10.0.0.1:6"], 2)
    (1, 2)
    """
    hosts = [each.rpartition(":")[0] for each in cluster]
    same = [at for at, host in enumerate(hosts) if host == hosts[worker]]
    return same.index(worker), len(same)


def _copied(source: Path, target: Path) -> str:
    """Copy the checkpoint, if there is one; answer its digest, or nothing."""
    try:
        data = source.read_bytes()
    except FileNotFoundError:
        return ""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def _within_time(is_so: Callable[[], bool]) -> bool:
    until = time.monotonic() + SEEN_WITHIN_S
    while not is_so():
        if time.monotonic() > until:
            return False
        time.sleep(1)
    return True
