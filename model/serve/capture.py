"""
A sample of the traffic as Parquet files, to look for drift later.

Kept are what the model said and a few features of the pixels; image bytes only if asked for. Rows
wait in a bounded queue that a thread of its own empties, so capture neither slows a request nor
fails one: what finds no room, or no disk, is counted and forgotten.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.brightness import brightness
from model.serve.batches import Pixels, Rows

ROWS_A_FILE = 1000
SECONDS_A_FILE = 60.0
MOST_WAITING = 10_000
MOST_WAITING_BYTES, BYTES_A_FILE = 64_000_000, 16_000_000  # of images that are kept
MOST_BYTES, MOST_FILES = 256_000_000, 5000

logger = logging.getLogger("model.serve")


@dataclass(frozen=True)
class Sampling:
    """
    What is kept, and where.

    Attributes:
        folder: of the Parquet files; the oldest go when there are ``most_bytes``.
        share: of the images, in [0, 1].
        has_images: keep the encoded images too.
        is_open: those who have a key for it may fetch the files over HTTP.
    """

    folder: Path
    share: float = 0.1
    has_images: bool = False
    most_bytes: int = MOST_BYTES
    is_open: bool = False


class Capture:
    """Collects rows and writes them in a thread, until ``close``."""

    def __init__(self, sampling: Sampling, model: dict[str, str]) -> None:
        self._sampling, self._model = sampling, model
        self._rows: deque[dict[str, Any]] = deque()
        self._ended = threading.Event()
        self._files = 0
        self._taken_bytes = self._written_bytes = 0  # each is changed by one thread alone
        self.fates: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._write, name="capture", daemon=True)
        self._thread.start()

    def note(
        self, request_id: str, images: list[bytes], pixels: Pixels, rows: Rows, found: list[Any]
    ) -> None:
        """Keep some of the images of a request, by chance."""
        for at, prediction in enumerate(found):
            if random.random() >= self._sampling.share:  # noqa: S311 (a sample, no secret)
                continue
            held = len(images[at]) if self._sampling.has_images else 0
            if len(self._rows) >= MOST_WAITING or self._held_bytes + held > MOST_WAITING_BYTES:
                self.fates["dropped"] += 1
                continue
            self._taken_bytes += held
            mean, deviation = brightness(pixels[at])
            self._rows.append(
                {
                    "time": time.time(), "request_id": request_id, "at": at,
                    "bytes": len(images[at]), "label": prediction["label"],
                    "probability": prediction["probability"], "probabilities": rows[at].tolist(),
                    "mean": mean, "deviation": deviation,
                    "image": images[at] if self._sampling.has_images else None,
                }
            )  # fmt: skip

    @property
    def _held_bytes(self) -> int:
        """Of images that wait."""
        return self._taken_bytes - self._written_bytes

    def close(self) -> None:
        """Write what waits; returns when it is written."""
        self._ended.set()
        self._thread.join(10)

    def _write(self) -> None:
        written = time.monotonic()
        while not self._ended.wait(1.0):
            is_late = time.monotonic() - written > SECONDS_A_FILE
            is_much = len(self._rows) >= ROWS_A_FILE or self._held_bytes >= BYTES_A_FILE
            if is_much or (self._rows and is_late):
                self._write_file()
                written = time.monotonic()
        while self._rows:
            self._write_file()

    def _write_file(self) -> None:
        rows = [self._rows.popleft() for _ in range(min(len(self._rows), 10 * ROWS_A_FILE))]
        self._written_bytes += sum(len(row["image"] or b"") for row in rows)
        self._files += 1
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        to = self._sampling.folder / f"{stamp}-{os.getpid()}-{self._files:06d}.parquet"
        try:
            self._make_room()
            _write_rows(rows, to, self._model)
            self.fates["kept"] += len(rows)
        except BaseException as error:  # noqa: BLE001 (on a full disk, arro3 panics past Exception)
            self.fates["dropped"] += len(rows)
            logger.warning("%d rows of traffic could not be kept: %s", len(rows), error)
            with contextlib.suppress(OSError):
                to.with_suffix(".draft").unlink(missing_ok=True)

    def _make_room(self) -> None:
        self._sampling.folder.mkdir(parents=True, exist_ok=True)
        files = sorted(self._sampling.folder.glob("*.parquet"))
        sizes = [file.stat().st_size for file in files]
        while files and (sum(sizes) > self._sampling.most_bytes or len(files) > MOST_FILES):
            files.pop(0).unlink(missing_ok=True)
            sizes.pop(0)


def _write_rows(rows: list[dict[str, Any]], to: Path, model: dict[str, str]) -> None:
    """One file, whole or not at all."""
    from arro3.core import Array, DataType, Table, fixed_size_list_array
    from arro3.io import write_parquet

    text, whole, real = DataType.string(), DataType.int64(), DataType.float64()
    kinds = {
        "time": real, "request_id": text, "at": whole, "bytes": whole, "label": text,
        "probability": real, "mean": real, "deviation": real, "image": DataType.binary(),
    }  # fmt: skip
    columns: dict[str, Any] = {
        name: Array([row[name] for row in rows], kind) for name, kind in kinds.items()
    }
    classes = len(rows[0]["probabilities"])
    shares = np.array([row["probabilities"] for row in rows], np.float32).ravel()
    columns["probabilities"] = fixed_size_list_array(Array.from_numpy(shares), classes)
    for key, value in model.items():
        columns[f"model_{key}"] = Array([value] * len(rows), text)
    draft = to.with_suffix(".draft")
    write_parquet(Table.from_pydict(columns), str(draft), compression="zstd(1)")
    draft.replace(to)
