"""What stands around a backend, and can be seen and broken there past its ports."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiohttp
import psutil
from adlfs import AzureBlobFileSystem

from tasks.backends.azure.volume_files import VolumeFiles
from tasks.ports import Backend
from tasks.records import TrainingRun
from tests.cloud.databricks.workspace import VOLUME
from tests.cloud.stand_in import STATE, StandIn


class Surroundings(Protocol):
    """
    The same words for every backend.

    Attributes:
        mark: of all names that a test gives, where others work in the same place.
        patience_s: how long a run may take to begin, or to be found lost.
    """

    backend: Backend
    mark: str
    patience_s: float

    def named(self, model: str) -> str:
        """A model's name that is free."""

    def put(self, folder: Path) -> str:
        """Bring a folder of images to where the backend reads; its URI."""

    def spoil(self, stage: str, key: str, text: str) -> None:
        """Write ``text`` in the place of a record."""

    def running(self, run: TrainingRun) -> int:
        """How many times this run goes on; never more than once."""

    def lose(self, run: TrainingRun) -> str:
        """Let a run that goes on die; what its follower should be told."""

    def log(self, run: TrainingRun) -> str:
        """All that the trainer wrote, in every try of this run."""


class Alone:
    """Nobody else is there, and runs are processes of this machine."""

    mark = ""
    patience_s = 30.0

    def named(self, model: str) -> str:
        """Every name is free."""
        return model

    def running(self, run: TrainingRun) -> int:
        """Its processes."""
        return len(processes_of(run))


@dataclass
class Here(Alone):
    """Processes and files of this machine."""

    backend: Backend

    def put(self, folder: Path) -> str:
        """They are here."""
        return str(folder)

    def spoil(self, stage: str, key: str, text: str) -> None:
        """In the state folder."""
        (self.backend.ledger.room(stage, key).parent / f"{key}.json").write_text(text)

    def lose(self, run: TrainingRun) -> str:
        """Kill its process."""
        for process in processes_of(run):
            process.kill()
        return "the trainer was killed"

    def log(self, run: TrainingRun) -> str:
        """One file, which each try appends to."""
        return (run.folder / "train.log").read_text()


class Cloud(Alone):
    """The stand-in, whose runs are processes of this machine as well."""

    def __init__(self, backend: Backend, cloud: StandIn) -> None:
        self.backend, self.cloud = backend, cloud
        # tests share one process, and these remember the cloud of the test before
        aiohttp.connector._SSL_CONTEXT_VERIFIED.load_verify_locations(cloud.bundle)
        AzureBlobFileSystem.clear_instance_cache()
        VolumeFiles.clear_instance_cache()

    def put(self, folder: Path) -> str:
        """Into Blob Storage; a folder that is not there gives the address of nothing."""
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = f"{folder.name}/{file.relative_to(folder).as_posix()}"
            self.cloud.put("images", name, file.read_bytes())
        return f"az://images/{folder.name}"

    def put_in_volume(self, folder: Path) -> str:
        """Into a volume of Unity Catalog."""
        path = f"{VOLUME}/{folder.name}"
        shutil.copytree(folder, self.cloud.runs.path(path))
        return path

    def spoil(self, stage: str, key: str, text: str) -> None:
        """In the container of what releases leave."""
        self.cloud.put(STATE, f"ledger/{stage}/{key}.json", text.encode())

    def lose(self, run: TrainingRun) -> str:
        """As with a spot machine that another paid more for."""
        self.cloud.runs.cancel(int(run.number), "CLOUD_FAILURE")
        return "ended as CLOUD_FAILURE"

    def log(self, run: TrainingRun) -> str:
        """Of each run with this token."""
        return "".join(
            self.cloud.runs.logs(each["run_id"])
            for each in self.cloud.runs.all()
            if run.token in each["run_name"]
        )


def processes_of(run: TrainingRun) -> list[psutil.Process]:
    """Those that write the files of the run and go on; their path names its token everywhere."""
    found: dict[int, tuple[psutil.Process, int]] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            paths = [word for word in process.cmdline() if word.startswith("/")]
            if (
                any(run.token in path or str(run.folder) in path for path in paths)
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found[process.pid] = process, process.ppid()
    # what one of them starts has its words until it becomes another program
    return [process for process, parent in found.values() if parent not in found]
