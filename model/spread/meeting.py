"""How the workers of a team find each other, and begin with the same."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from model.folder import PROGRESS
from model.learner import CHECKPOINTS
from model.spread.failures import CannotSpread, UnevenlySeated
from model.spread.job import KEPT, Job

SEEN_WITHIN_S = 60.0  # in which a mounted folder shows what another machine wrote


def meet(context: Any, job: Job, folder: Path, gpus: int) -> list[str]:
    """
    Tell the others where we are, and learn where they are; take the chief's checkpoint along.

    The chief, worker 0, takes the checkpoint that it finds, and says which one that is: so all
    begin with the same, also where a folder shows to some what it does not show to others yet.

    Args:
        context: of the barrier stage.
        folder: of this worker.
        gpus: of this machine.

    Raises:
        UnevenlySeated: as ``ask_for_even``; so all workers say.
        CannotSpread: the folder that all are to see is not one.
    """
    worker = context.partitionId()
    if not within_time(Path(job.place, PROGRESS).exists):
        raise CannotSpread(f"worker {worker} does not see {job.place}, to which the driver writes; "
                           "give a folder that all machines see as --mirror")  # fmt: skip
    kept = Path(job.place, CHECKPOINTS, "last.npz")
    mine = folder / KEPT / CHECKPOINTS / kept.name
    host = context.getTaskInfos()[worker].address.rpartition(":")[0]
    told = {"at": f"{host}:{free_port(host)}", "gpus": gpus,
            "checkpoint": "" if worker else _copied(kept, mine)}  # fmt: skip
    all_told = [json.loads(each) for each in context.allGather(json.dumps(told))]
    cluster = [each["at"] for each in all_told]
    ask_for_even(cluster, [each["gpus"] for each in all_told])
    chosen = all_told[0]["checkpoint"]
    if worker and chosen and not within_time(lambda: _copied(kept, mine) == chosen):
        raise CannotSpread(f"worker {worker} finds another {kept} than the first worker; give a "
                           "folder that all machines see as --mirror")  # fmt: skip
    return cluster


def ask_for_even(cluster: list[str], gpus: list[int]) -> None:
    """
    Make sure that all workers have as many GPUs: the strategy reckons with that, and would hang.

    Args:
        gpus: of the machine of each worker.

    Raises:
        UnevenlySeated: they have not, or workers beside each other cannot share theirs evenly.
    """
    beside = [neighbours(cluster, worker)[1] for worker in range(len(cluster))]
    machines = sorted({*zip(gpus, beside, strict=True)})
    shares = {divmod(count, workers) for count, workers in machines}
    if len(shares) > 1 or any(rest for _, rest in shares):
        there = ", ".join(f"{workers} on a machine with {count}" for count, workers in machines)
        raise UnevenlySeated(
            f"the workers cannot have as many GPUs each: Spark put {there}; ask for as many "
            "--workers as the cluster has machines, all with as many GPUs"
        )


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


def within_time(is_so: Callable[[], bool], seconds: float = SEEN_WITHIN_S) -> bool:
    """Does it become so, while a mounted folder is waited for?"""
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            return False
        time.sleep(1)
    return True
