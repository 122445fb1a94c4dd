"""What a worker is told: by the driver to a task of Spark, and by that to the worker's process."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from model.config import TrainConfig
from model.folder import write_json

JOB, DONE, ENDED = "job.json", "done.json", "ended.json"
KEPT = "kept"  # below a worker's folder: the checkpoint, copied whole to where all see it
Why = Literal["refused", "uneven", "peer", "bug", "died"]


@dataclass(frozen=True)
class Job:
    """
    What all workers are told alike.

    Attributes:
        key: of the run: what may be continued.
        place: the folder that all workers and the driver see; checkpoints and progress are there.
        images: that each worker has.
    """

    config: TrainConfig
    classes: int
    shape: tuple[int, int, int]
    key: str
    place: str
    images: tuple[int, ...]

    @property
    def workers(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Seat:
    """
    One worker's place in the job.

    Attributes:
        beside: which of the workers of its machine it is, from 0, and of how many.
    """

    job: Job
    worker: int
    beside: tuple[int, int]

    def write(self, folder: Path) -> None:
        config = self.job.config.model_dump(mode="json")
        write_json(folder / JOB, {**asdict(self), "job": {**vars(self.job), "config": config}})

    @classmethod
    def read(cls, folder: Path) -> Seat:
        found = json.loads((folder / JOB).read_text(encoding="utf-8"))
        told = found["job"]
        job = Job(
            TrainConfig(**told["config"]), told["classes"], tuple(told["shape"]), told["key"],
            told["place"], tuple(told["images"]),
        )  # fmt: skip
        return cls(job, found["worker"], tuple(found["beside"]))


@dataclass(frozen=True)
class Ended:
    """
    How a worker's process ended before its time.

    Attributes:
        why: refused (the data cannot be learned from), uneven (not as many GPUs as another has),
            peer (it lost another worker), bug (an error of the program), died (by a signal, or
            without a word).
    """

    worker: int
    why: Why
    message: str

    def text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> Ended:
        found: dict[str, Any] = json.loads(text)
        return cls(**found)


def too_little_memory(worker: int, said: str) -> str:
    """Why a run is refused whose worker was told that there is no more memory."""
    return f"worker {worker} has too little memory: {said[:300]}; lower --batch-size"
