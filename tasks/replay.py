"""Replay known images against a booted service: it must answer as at training time."""

from __future__ import annotations

import base64
import json
import secrets
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tasks.errors import Refused, Transient

REPLAYED_ID = "mlops-replay-"  # our requests by their id: they are no traffic
LARGEST_GAP = 1e-4  # of a probability: another batch size rounds otherwise in the sixth digit


@dataclass(frozen=True)
class Replay:
    """
    What came of it.

    Attributes:
        images: how many were sent.
        max_gap: between two probabilities, the largest.
        median_s: seconds from a request to its answer.
    """

    images: int
    max_gap: float
    median_s: float


def replay(client: httpx.Client, model_folder: Path) -> Replay:
    """
    Send each image of ``replay.parquet`` as an application would, one by one.

    Args:
        client: of the service; shows a key where one is asked for.

    Raises:
        Refused: an answer differs from the one at training time.
        Transient: the service did not answer.
    """
    import pyarrow.parquet as parquet

    rows = parquet.read_table(model_folder / "replay.parquet").to_pylist()
    labels = _labels(model_folder)
    gaps, seconds = [0.0], []
    try:
        for row in rows:
            began = time.perf_counter()
            gaps.append(_gap(client, row, labels))
            seconds.append(time.perf_counter() - began)
    except httpx.HTTPError as error:
        raise Transient(f"the service at {client.base_url} did not answer: {error!r}") from error
    return Replay(len(rows), max(gaps), statistics.median(seconds))


def known_image(model_folder: Path) -> dict[str, Any]:
    """One of the images that are replayed: ``image`` (bytes of the file) and ``label``."""
    import pyarrow.parquet as parquet

    row: dict[str, Any] = (
        parquet.read_table(model_folder / "replay.parquet").slice(0, 1).to_pylist()[0]
    )
    return row


def _gap(client: httpx.Client, row: dict[str, Any], labels: list[str]) -> float:
    sent = {"data": base64.b64encode(row["image"]).decode()}
    named = {"X-Request-Id": f"{REPLAYED_ID}{secrets.token_hex(6)}"}
    response = client.post("/score", json=sent, headers=named)
    if response.status_code >= 500:
        raise Transient(f"the service answered {response.status_code} to {row['path']}")
    if response.status_code != 200:
        raise Refused(f"the service refused the known image {row['path']}: {response.text}")
    top = {t["label"]: t["probability"] for t in response.json()["predictions"][0]["top"]}
    expected = dict(zip(labels, row["probabilities"], strict=True))
    gap: float = max(abs(top[label] - expected[label]) for label in top)
    if gap > LARGEST_GAP:
        raise Refused(
            f"the service answers {row['path']} with {top}, at training time it was "
            f"{ {label: round(expected[label], 4) for label in top} }: "
            f"gap {gap:.2g}, at most {LARGEST_GAP:g}"
        )
    return gap


def _labels(model_folder: Path) -> list[str]:
    found = json.loads((model_folder / "labels.json").read_text(encoding="utf-8"))
    return [str(label) for label in found["labels"]]
