"""
A real subscription, with names of its own that end in a random suffix; nothing of yours is touched.

What a test made is taken away after it: the container with its blobs, the files in the volume, and
its models are archived, for Azure ML deletes none. Runs end with the test.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from tasks.backends.azure.clients import Clients
from tasks.backends.azure.jobs import Jobs
from tasks.backends.azure.trainer import ENTRY
from tasks.backends.azure.volume import Volume
from tasks.ports import Backend
from tasks.records import TrainingRun

if TYPE_CHECKING:
    from databricks.sdk.service.jobs import Run

CLUSTER_WITHIN_S = 1200.0


class Live:
    """The same words as of the other surroundings."""

    patience_s = 1800.0

    def __init__(self, backend: Backend, at: Clients, mark: str) -> None:
        self.backend, self._at, self.mark = backend, at, mark
        self._volume = Volume(at.databricks, at.settings.volume)
        self._jobs = Jobs(at.databricks, at.settings)
        self._names: set[str] = set()

    @property
    def cloud(self) -> NoReturn:
        """There is nothing behind a real cloud to look at."""
        pytest.skip("this test looks behind the stand-in cloud")

    def named(self, model: str) -> str:
        """A model's name that nobody else has."""
        self._names.add(f"{model}-{self.mark}")
        return f"{model}-{self.mark}"

    def put(self, folder: Path) -> str:
        """Into the container of this test."""
        for name, data in _files(folder):
            self._at.container.upload_blob(name, data, overwrite=True)
        return f"az://{self._at.settings.container}/{folder.name}"

    def put_in_volume(self, folder: Path) -> str:
        """Into the folder of this test in the volume."""
        for name, data in _files(folder):
            self._volume.put(data, name)
        return self._volume.path(folder.name)

    def spoil(self, stage: str, key: str, text: str) -> None:
        """In the container of what releases leave."""
        self._at.container.upload_blob(f"ledger/{stage}/{key}.json", text.encode(), overwrite=True)

    def running(self, run: TrainingRun) -> int:
        """How many runs of this token go on, by Databricks' own word."""
        return list(self._jobs.active(ENTRY).values()).count(run.token)

    def lose(self, run: TrainingRun) -> str:
        """End the cluster below the run."""
        until = time.monotonic() + CLUSTER_WITHIN_S
        while True:
            found = self._at.databricks.jobs.get_run(int(run.number))
            instance = (found.tasks or [found])[0].cluster_instance
            if instance and instance.cluster_id:
                self._at.databricks.clusters.delete(instance.cluster_id)
                return "the run on Databricks ended as"
            assert time.monotonic() < until, "the run has no cluster of its own"
            time.sleep(5)

    def log(self, run: TrainingRun) -> str:
        """Of each run with this token."""
        return "".join(self._jobs.output(each) for each in self._all(run))

    def _all(self, run: TrainingRun) -> list[Run]:
        jobs = self._at.databricks.jobs
        found = [each for each in jobs.list_runs() if run.token in (each.run_name or "")]
        return [jobs.get_run(int(each.run_id or 0)) for each in found]

    def clean(self) -> None:
        """Take away what the test made; each part, also if another cannot be."""
        with contextlib.ExitStack() as parts:
            parts.callback(self._at.container.delete_container)
            parts.callback(self._remove_folder, self._at.settings.volume)
            for name in self._names:
                parts.callback(self._archive, name)
            parts.callback(self.backend.trainer.sweep, lambda _: False)

    def _archive(self, name: str) -> None:
        for version in self.backend.registry.versions(name):
            self._at.registry.models.archive(name, version=str(version.number))

    def _remove_folder(self, path: str) -> None:
        from databricks.sdk.errors import NotFound

        files = self._at.databricks.files
        with contextlib.suppress(NotFound):
            for each in list(files.list_directory_contents(path)):
                remove = self._remove_folder if each.is_directory else files.delete
                remove(str(each.path).rstrip("/"))
            files.delete_directory(path)


@contextlib.contextmanager
def live() -> Iterator[Live]:
    """A backend with no history, in the subscription that the settings name."""
    from tasks.backends import choose

    mark = f"live-{uuid.uuid4().hex[:8]}"
    volume = Clients.open().settings.volume
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_STATE_CONTAINER", f"mlops-{mark}")
        patch.setenv("MLOPS_VOLUME", f"{volume}/{mark}")
        patch.setenv("AZUREML_REGISTRY_NAME", "")  # nothing is shared, nothing told to MLflow
        patch.setenv("MLFLOW_TRACKING_URI", "")
        at = Clients.open()
        at.container.create_container()
        made = Live(choose("azure"), at, mark)
        try:
            yield made
        finally:
            made.clean()


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield f"{folder.name}/{file.relative_to(folder).as_posix()}", file.read_bytes()
