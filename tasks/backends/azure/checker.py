"""Judges images on Databricks by several machines, with the wheel's ``data_checks.program``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data_checks.check import FACTS, REPORT, Reference, Report
from data_checks.limits import Limits
from tasks.backends.azure.jobs import Jobs, is_success
from tasks.backends.azure.volume import Volume
from tasks.backends.azure.volume_files import for_cluster
from tasks.backends.azure.wheel import Wheel, libraries
from tasks.errors import Transient
from tasks.ports import Watch
from tasks.records import Dataset

if TYPE_CHECKING:
    from databricks.sdk.service.jobs import Run

ENTRY: Final = "check"  # of the wheel: python -m data_checks.program
OPENED_BY: Final = "model.images:open_images"
PROGRESS: Final = "progress.txt"


class DatabricksChecker:
    """
    One run a question, found again by its key; facts stay in the volume, the report comes here.
    """

    def __init__(self, jobs: Jobs, volume: Volume, wheel: Wheel) -> None:
        self._jobs, self._volume, self._wheel = jobs, volume, wheel

    def check(
        self, dataset: Dataset, limits: Limits, reference: Reference | None, key: str, place: Path,
        watch: Watch, workers: int,
    ) -> Report:  # fmt: skip
        """
        Let so many machines look at the images; ``place`` gets the report and its pages.

        Raises:
            Refused: the data cannot be judged, or Databricks will not.
            Transient: the run was lost.
        """
        number = self._jobs.submit(
            key, entry=ENTRY, wheel=self._wheel.path,
            words=self._words(dataset, limits, reference, key, workers),
            libraries=libraries("great-expectations"),
            is_usable=lambda found: self._is_usable(found, key), workers=workers,
        )  # fmt: skip
        self._follow(number, key, watch)
        self._volume.fetch(place, "checks", key, but=(f"{FACTS}/",))
        try:
            return Report.load(place)
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.forget(key)
            raise Transient(
                f"what run {number} left in the volume is not whole; it runs again"
            ) from error

    def forget(self, key: str) -> None:
        """
        Who asks again gets a new look.

        To be called when the report is kept elsewhere: until then a retry finds the run again, and
        does not pay for another one.
        """
        self._volume.delete("checks", key, REPORT)

    def cancel(self, key: str) -> None:
        """End the run of this question if it goes on."""
        self._jobs.end(ENTRY, lambda token: token == key)

    def sweep(self, is_awaited: Callable[[str], bool]) -> int:
        """End runs that no release waits for."""
        return self._jobs.end(ENTRY, lambda key: not is_awaited(key))

    def _follow(self, number: int, key: str, watch: Watch) -> None:
        told = ""

        def look() -> None:
            nonlocal told
            line = (self._volume.read("checking", key, PROGRESS) or b"").decode()
            if line not in ("", told):
                watch(line)
                told = line

        ended = self._jobs.follow(number, look)
        if not is_success(ended):
            raise self._jobs.explained(ended)

    def _words(
        self, dataset: Dataset, limits: Limits, reference: Reference | None, key: str, workers: int
    ) -> list[str]:
        words = [
            "--images", for_cluster(dataset.uri), "--opened-by", OPENED_BY,
            "--out", self._volume.path("checks", key),
            "--limits", limits.model_dump_json(),
            "--dataset-digest", dataset.digest, "--workers", str(workers),
            "--progress", self._volume.path("checking", key, PROGRESS),
        ]  # fmt: skip
        if reference is None:
            return words
        where = ("checking", key, "reference.json")
        self._volume.put(json.dumps(asdict(reference)).encode(), *where)
        return [*words, "--reference", self._volume.path(*where)]

    def _is_usable(self, found: Run, key: str) -> bool:
        return is_success(found) and self._volume.has("checks", key, REPORT)
