"""
The model folder: what a training run leaves, and what a service needs.

``manifest.json`` is written last, so its presence proves that the folder is complete, and its
digests that nothing was changed since.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
PROGRESS, NOTES = "progress.jsonl", "notes.txt"  # a line an epoch; what befell workers
SERVED = ("model.tflite", "labels.json")  # what decides the answers: the digest of a model
KEPT = {".keras", ".tflite", ".json", ".parquet", ".png", ".md"}


class BadModelFolder(ValueError):
    """Not a whole model folder, or one that was changed; the message says what."""


@dataclass(frozen=True)
class Labels:
    """What the network takes and what its answers mean: ``labels.json``."""

    labels: tuple[str, ...]
    height: int
    width: int
    channels: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.height, self.width, self.channels


@dataclass(frozen=True)
class ModelFolder:
    """A complete model folder."""

    path: Path
    manifest: dict[str, Any]

    @classmethod
    def read(cls, path: Path | str) -> ModelFolder:
        """Read the manifest. Raises BadModelFolder: there is none, so the folder is incomplete."""
        path = Path(path)
        manifest = _read(path, MANIFEST)
        if not {"model_digest", "files"} <= manifest.keys():
            raise BadModelFolder(f"{path / MANIFEST} is no manifest of a model folder")
        return cls(path, manifest)

    def verify(self) -> None:
        """Compute every digest again. Raises BadModelFolder, naming the first file that differs."""
        for name, digest in self.manifest["files"].items():
            try:
                found = digest_of_file(self.path / name)
            except OSError as error:
                raise BadModelFolder(f"{self.path / name} is missing") from error
            if found != digest:
                raise BadModelFolder(f"{self.path / name} was changed since it was written")
        if (
            not set(SERVED) <= self.manifest["files"].keys()
            or model_digest(self.path) != self.digest
        ):
            raise BadModelFolder(f"{self.path} holds another model than its manifest says")

    @property
    def digest(self) -> str:
        """SHA-256 over the graph and its labels, in hexadecimal."""
        return str(self.manifest["model_digest"])

    @cached_property
    def _known(self) -> Labels:
        return read_labels(self.path)

    @property
    def labels(self) -> tuple[str, ...]:
        return self._known.labels

    @property
    def height(self) -> int:
        return self._known.height

    @property
    def width(self) -> int:
        return self._known.width

    @property
    def channels(self) -> int:
        return self._known.channels

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of what the network takes."""
        return self._known.shape

    @cached_property
    def metrics(self) -> dict[str, Any]:
        return _read(self.path, "metrics.json")


def read_labels(path: Path) -> Labels:
    """Labels and shape of a model. Raises BadModelFolder: missing or broken."""
    found = _read(path, "labels.json")
    try:
        labels = tuple(found["labels"])
        return Labels(labels, found["height"], found["width"], found["channels"])
    except (KeyError, TypeError) as error:
        raise BadModelFolder(f"{path / 'labels.json'} lacks {error}") from error


def write_manifest(path: Path, **facts: object) -> ModelFolder:
    """Complete a model folder: note the digest of each file in it, and ``facts``, atomically."""
    kept = (file for file in path.iterdir() if file.is_file() and file.suffix in KEPT)
    digests = {file.name: digest_of_file(file) for file in sorted(kept) if file.name != MANIFEST}
    manifest = {"model_digest": model_digest(path), "files": digests, **facts}
    write_json(path / MANIFEST, manifest)
    return ModelFolder.read(path)


def model_digest(path: Path) -> str:
    """SHA-256 over the files that decide the answers."""
    total = hashlib.sha256()
    for name in SERVED:
        total.update(f"{name}\0{digest_of_file(path / name)}\n".encode())
    return total.hexdigest()


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_json(path: Path, value: object) -> None:
    """Write ``value`` so that a reader, or a crash, sees all of it or nothing."""
    draft = path.with_name(f"{path.name}.draft")
    with draft.open("w", encoding="utf-8") as stream:
        json.dump(value, stream, indent=1, ensure_ascii=False, allow_nan=False)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def _read(path: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads((path / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadModelFolder(f"{path} is no complete model folder: {name}: {error}") from error
    if not isinstance(found, dict):
        raise BadModelFolder(f"{path / name} is no JSON object")
    return found
