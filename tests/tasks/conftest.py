"""A flow around what is tested, on a real Prefect server; traffic as a service captures it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from benchmarks.drifts import Drift, Pool
    from model.folder import ModelFolder
    from model.scorer import Scorer

A_REQUEST, A_CAPTURE = 50, 5000  # images; a service keeps no more than 10,000 waiting


def captured(
    folder: ModelFolder,
    scorer: Scorer,
    state: Path,
    kind: Drift,
    pool: Pool,
    images: int,
    seed: int = 0,
    name: str = "shop",
    prefix: str = "r",
) -> None:
    """Let the service's own capture keep answers to images of that kind; all of them."""
    from model.serve.capture import Capture, Sampling

    random = np.random.default_rng(seed)
    about = {"name": name, "version": "1", "digest": folder.digest}
    for begin in range(0, images, A_CAPTURE):
        made = Capture(Sampling(state / "new", share=1), about)
        for at in range(begin, min(images, begin + A_CAPTURE), A_REQUEST):
            pixels = kind.draw(pool, min(A_REQUEST, images - at), random)
            rows = scorer.predict(pixels)
            said = [
                {"label": folder.labels[row.argmax()], "probability": float(row.max())}
                for row in rows
            ]
            made.note(f"{prefix}{seed}-{at}", [b"x"] * len(rows), pixels, rows, said)
        made.close()
        assert made.fates["dropped"] == 0
        put_in_place(state / "new", state / "endpoints" / name / "traffic")


def put_in_place(new: Path, traffic: Path) -> None:
    """Let files of captured traffic follow those that are there, as those of a process do."""
    traffic.mkdir(parents=True, exist_ok=True)
    for file in sorted(new.iterdir()):
        file.rename(traffic / f"20261126T000000-1-{len(list(traffic.iterdir())):06d}.parquet")
