"""
A run in an MLflow that is far away and may be ill: training neither waits for it nor ends with it.

A thread tells what there is to tell, in order, and again until it was taken. Training waits at two
places only, no longer than ``patience_s`` at each: for the number of the run, which the manifest
holds, and, if there is a run by then, at the end. What was never told is named in
``tracking.untold``, beside the model.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from model.folder import ModelFolder
from model.mlflow_run import MlflowRun

UNTOLD = "tracking.untold"
PATIENCE_S = 60.0
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0)  # between two tries; the last one again and again
LATER = {408, 429}  # of the answers that blame the caller, those that pass

Tell = Callable[[MlflowRun], None]


class FarRun:
    """
    Args:
        begin: opens the run in MLflow, or finds it again.
        out: where the run is noted, and what was never told.
        patience_s: seconds to wait for its number, and for the rest at the end.
    """

    def __init__(
        self, begin: Callable[[], MlflowRun], out: Path, *, patience_s: float = PATIENCE_S,
        pauses_s: tuple[float, ...] = PAUSES_S,
    ) -> None:  # fmt: skip
        self._begin, self._out = begin, out
        self._patience_s, self._pauses_s = patience_s, pauses_s
        self._untold: queue.Queue[tuple[str, Tell] | None] = queue.Queue()
        self._run: MlflowRun | None = None
        self._is_decided = threading.Event()  # begun, or refused for good
        self._faults: dict[str, str] = {}  # what was never told → why
        self._said: set[str] = set()
        self._is_noted = False
        self._trouble = ""  # why it is tried again just now
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    @property
    def id(self) -> str | None:
        """The number of the run; none if MLflow would not open one."""
        self._is_decided.wait(self._patience_s)
        self._look()
        return self._run.id if self._run else None

    def parameters(self, values: dict[str, Any]) -> None:
        """Note the knobs."""
        self._put("parameters", lambda run: run.parameters(values))

    def epoch(self, measures: dict[str, float], at_ms: int | None = None) -> None:
        """Note the measures of one epoch, with the time of now, whenever they are told."""
        at_ms = at_ms or int(time.time() * 1000)
        self._put(f"epoch {measures['epoch']:g}", lambda run: run.epoch(measures, at_ms))

    def finish(self, folder: ModelFolder) -> None:
        """Note the test metrics, end the run, keep the files; then wait, with patience."""
        self._put("test metrics", lambda run: run.measure(folder))
        self._put("the end", lambda run: run.end("FINISHED", {}, {}))
        self._put("files", lambda run: run.keep(folder))
        self._settle()

    def end(
        self, status: str, measures: Mapping[str, float], tags: Mapping[str, str],
        files: Iterable[Path] = (),
    ) -> None:  # fmt: skip
        """Note what was found, keep ``files``, end the run; then wait, with patience."""
        self._put("the end", lambda run: run.end(status, measures, tags, files))
        self._settle()

    def _put(self, what: str, tell: Tell) -> None:
        self._untold.put((what, tell))
        self._look()

    def _settle(self) -> None:
        self._untold.put(None)
        self._thread.join(self._patience_s if self._run else 0)
        if self._thread.is_alive():
            self._faults["what is left"] = self._trouble or "MLflow does not answer"
        self._look()
        lines = [f"{what}: {why}" for what, why in self._faults.items()]
        (self._out / UNTOLD).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _look(self) -> None:
        """Note the run, and say what became known: here, for only one thread may touch ``out``."""
        if self._run and not self._is_noted:
            self._run.note()
            self._is_noted = True
        troubles = {"tried again": self._trouble} if self._trouble else {}
        for what, why in {**troubles, **self._faults}.items():
            if why not in self._said:
                self._said.add(why)
                print(f"MLflow was not told ({what}), training goes on: {why}", flush=True)

    def _work(self) -> None:
        self._tell("the run", self._open)
        self._is_decided.set()
        while (job := self._untold.get()) is not None:
            what, tell = job
            if run := self._run:
                self._tell(what, lambda tell=tell, run=run: tell(run))  # type: ignore[misc]

    def _open(self) -> None:
        self._run = self._begin()

    def _tell(self, what: str, attempt: Callable[[], None]) -> None:
        """Again and again, unless the answer would be the same; the end does not wait for it."""
        for turn in range(1_000_000):
            try:
                attempt()
            except Exception as error:  # noqa: BLE001 (whatever MLflow does, training goes on)
                why = _first_line(error)
                if _is_final(error):
                    self._faults[what] = why
                    return
                self._trouble = why
                time.sleep(self._pauses_s[min(turn, len(self._pauses_s) - 1)])
            else:
                self._trouble = ""
                return


def _is_final(error: Exception) -> bool:
    """Would the same question get the same answer?"""
    from mlflow.exceptions import MlflowException

    if not isinstance(error, MlflowException):
        return False
    status = int(error.get_http_status_code())
    return 400 <= status < 500 and status not in LATER


def _first_line(error: Exception) -> str:
    """Without the settings of the client, which Databricks' SDK adds."""
    line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return line.partition(". Config: ")[0]
