"""The checkpoint of a training run: one file, whole or not at all, so a killed run goes on."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model import network
from model.config import TrainConfig
from model.folder import digest_of_file

if TYPE_CHECKING:
    from keras import Model

Weights = list[NDArray[Any]]
UNREADABLE = (OSError, ValueError, KeyError, zipfile.BadZipFile)


@dataclass
class Progress:
    """How far a run has come: epochs done, the best of them, and the measures of each."""

    epoch: int = 0
    best_epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)

    @property
    def waited(self) -> int:
        """Epochs since the best one."""
        return self.epoch - self.best_epoch


class Checkpoint:
    """
    Weights, optimizer, best weights and progress, in ``checkpoints/last.npz``.

    ``key`` says of which run: a checkpoint of other data, another configuration or an edited
    network is not continued.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._file = folder / "last.npz"
        self._key = key
        self._best: Weights = []

    def restore(self, model: Model) -> Progress:
        """Give a built and compiled ``model`` its state again; without one it stays as it is."""
        found = self._read()
        variables = _variables(model)
        if found is None or len(found[1]) != len(variables):
            return Progress()
        progress, state, self._best = found
        for variable, value in zip(variables, state, strict=True):
            variable.assign(value)
        return progress

    def progress(self) -> Progress:
        """How far the run has come, with its best weights at hand; no model is needed."""
        found = self._read()
        if found is None:
            return Progress()
        self._best = found[2]
        return found[0]

    def is_of_another(self) -> bool:
        """Is one there, of another run than ours?"""
        try:
            with np.load(self._file) as kept:
                return bool(json.loads(str(kept["progress"]))["key"] != self._key)
        except UNREADABLE:
            return False

    def save(self, model: Model, progress: Progress) -> None:
        """Keep the state after an epoch, in place of the former one."""
        if progress.best_epoch == progress.epoch:
            self._best = model.get_weights()
        kept: dict[str, Any] = {
            "progress": np.array(json.dumps({"key": self._key, **asdict(progress)})),
            **{f"state{n}": np.asarray(each) for n, each in enumerate(_variables(model))},
            **{f"best{n}": each for n, each in enumerate(self._best)},
        }
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_name("draft.npz")
        with draft.open("wb") as stream:
            np.savez(stream, **kept)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self._file)

    def restore_best(self, model: Model) -> None:
        """Give ``model`` the weights of its best epoch."""
        model.set_weights(self._best)

    def _read(self) -> tuple[Progress, Weights, Weights] | None:
        """Progress, state and best weights; nothing if there are none of this run."""
        try:
            with np.load(self._file) as kept:
                noted = json.loads(str(kept["progress"]))
                state, best = _numbered(kept, "state"), _numbered(kept, "best")
        except UNREADABLE:
            return None
        is_ours = noted.pop("key") == self._key
        return (Progress(**noted), state, best) if is_ours else None


def run_key(config: TrainConfig, data_digest: str) -> str:
    """What decides the weights: configuration, data, and the file that a user edits."""
    parts = (config.model_dump_json(), data_digest, network_digest())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def network_digest() -> str:
    """SHA-256 of model/network.py, which a user edits, in hexadecimal."""
    return digest_of_file(Path(network.__file__))


def _variables(model: Model) -> list[Any]:
    """All state: weights, seeds of random layers, and the optimizer's."""
    return [*model.variables, *model.optimizer.variables]


def _numbered(kept: Any, name: str) -> Weights:
    count = sum(1 for each in kept.files if each.startswith(name))
    return [kept[f"{name}{n}"] for n in range(count)]
