"""watch: which version serves, and what was known of it when it was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_checks.drift.answers import Answers
from model.folder import ModelFolder
from tasks.errors import Refused
from tasks.monitor.records import Watched
from tasks.ports import Backend, Traffic
from tasks.step import say, step

if TYPE_CHECKING:
    import pyarrow as arrow

PREDICTIONS = "predictions.parquet"


@step(name="find-live-version", timeout_s=600, run_name="find what serves")
def find_live(on: Backend, name: str | None) -> Watched:
    """
    The version that serves at the endpoint, or would if it were not stopped.

    Args:
        name: of the endpoint; may be left out where there is one only.

    Raises:
        Refused: there is no such endpoint, or its traffic cannot be had from here.
    """
    known = endpoint_names(on)
    if name is None and len(known) != 1:
        raise Refused(f"say which endpoint by --name; there are: {', '.join(known) or 'none'}")
    chosen = name or known[0]
    if chosen not in known:
        raise Refused(f"no endpoint {chosen!r}; there are: {', '.join(known) or 'none'}")
    live = on.endpoints.live(chosen) if on.endpoints else None
    version = on.registry.version(chosen, live.version) if live else on.registry.champion(chosen)
    if version is None:
        raise Refused(f"no version of {chosen} was ever champion; release it first")
    if live is None:
        say(f"{chosen} does not answer; what it answered before is looked at all the same")
    return Watched(chosen, on.name, version, live.url if live else None)


def endpoint_names(on: Backend) -> list[str]:
    """Of what was deployed. Raises Refused: traffic cannot be had from here."""
    traffic_of(on)
    return on.endpoints.names() if on.endpoints else []


def traffic_of(on: Backend) -> Traffic:
    """Where captured traffic is read. Raises Refused: it cannot be had from here."""
    if on.traffic is None:
        raise Refused(f"the services of the {on.name} backend capture no traffic: set "
                      "MLOPS_CAPTURE_KEY and release anew")  # fmt: skip
    return on.traffic


def reference_of(watched: Watched) -> tuple[tuple[str, ...], Answers]:
    """
    The labels of the version, and its answers to the test images at training time.

    Raises:
        Refused: the model folder has no predictions.
    """
    import pyarrow.parquet as parquet

    folder = ModelFolder.read(watched.version.folder)
    file = folder.path / PREDICTIONS
    if not file.is_file():
        raise Refused(f"{file} is missing: without it nothing is known to compare traffic with; "
                      "release the model again")  # fmt: skip
    table = parquet.read_table(file)
    classes = len(folder.labels)
    flat = table["probabilities"].combine_chunks().flatten().to_numpy()
    if "mean" not in table.column_names:
        say("the test images of this version were not measured for brightness and contrast; the "
            "next release measures them")  # fmt: skip
    probabilities = flat.reshape(-1, classes).astype(np.float32, copy=False)
    answers = Answers(probabilities, _column(table, "mean"), _column(table, "deviation"))
    return folder.labels, answers


def _column(table: arrow.Table, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if name not in table.column_names:
        return np.full(len(table), np.nan)
    return np.asarray(table[name].to_numpy(), np.float64)
