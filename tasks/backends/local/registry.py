"""MLflow's model registry on SQLite: one version for one digest, aliases for who serves."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from filelock import FileLock

from tasks.errors import Refused, Transient
from tasks.records import Approved, Contender, ModelVersion

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, PREVIOUS = "champion", "previous"


class MlflowRegistry:
    """Versions in ``mlflow.db``; the model folder itself lies in the run that made it."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self.uri = f"sqlite:///{state / 'mlflow.db'}"

    @cached_property
    def _client(self) -> MlflowClient:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient

        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)

        try:
            # The first client makes the tables; two at once would both try.
            with FileLock(self._state / "mlflow.lock"):
                client = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
                client.search_registered_models(max_results=1)
                return client
        except ImportError:
            raise  # a broken environment is no broken database
        except Exception as error:
            raise Transient(self._told(error)) from error

    def register(self, approved: Approved, name: str, tags: dict[str, str]) -> ModelVersion:
        """The version that these bytes have, or a new one; its tags come with it in one call."""
        for version in self.versions(name):
            if version.digest == approved.candidate.digest:
                return version
        if not self._is_known(name):
            self._client.create_registered_model(name, description=f"Image classifier {name}")
        candidate = approved.candidate
        made = self._client.create_model_version(
            name,
            source=self._kept(candidate).as_uri(),
            run_id=candidate.tracking_run,
            tags=tags,
            description=f"accuracy {candidate.accuracy:.4f}",
        )
        return replace(_version(made), is_new=True)

    def versions(self, name: str) -> list[ModelVersion]:
        """All versions, oldest first."""
        found = self._client.search_model_versions(f"name = '{_quoted(name)}'")
        return sorted((_version(each) for each in found), key=lambda version: version.number)

    def names(self) -> list[str]:
        """All registered models."""
        return sorted(model.name for model in self._client.search_registered_models())

    def champion(self, name: str) -> ModelVersion | None:
        """The version that serves."""
        return self._by_alias(name, CHAMPION)

    def previous(self, name: str) -> ModelVersion | None:
        """The version that served before."""
        return self._by_alias(name, PREVIOUS)

    def version(self, name: str, number: int) -> ModelVersion:
        """That version, or a refusal that names the versions there are."""
        known = self.versions(name)
        for version in known:
            if version.number == number:
                return version
        listed = ", ".join(str(version.number) for version in known) or "none"
        raise Refused(f"{name} has no version {number}; there are: {listed}")

    def crown(self, version: ModelVersion) -> bool:
        """Move the aliases; killed between the two, the next call completes it."""
        former = self.champion(version.name)
        if former and former.number == version.number:
            return False
        if former:
            self._client.set_registered_model_alias(version.name, PREVIOUS, str(former.number))
        self._client.set_registered_model_alias(version.name, CHAMPION, str(version.number))
        return True

    def _told(self, error: Exception) -> str:
        """Why the database cannot be opened, without the SQL of it, and the way out."""
        file = self._state / "mlflow.db"
        known = next((each for each in _chain(error) if isinstance(each, sqlite3.Error)), error)
        why = next(iter(str(known).splitlines()), type(known).__name__)
        said = f"the MLflow database {file} cannot be opened: {why}"
        if isinstance(known, sqlite3.OperationalError):  # locked, or no rights: it may be whole
            return f"{said}; end what holds it, look at its rights, or see: python -m flows doctor"
        aside = shlex.join(["mv", str(file), f"{file}.broken"])
        return f"{said}; set it aside, and the next release makes a new one: {aside}"

    def _kept(self, candidate: Contender) -> Path:
        """A copy of the model folder under its digest: it stays when the run's folder goes."""
        place = self._state / "models" / candidate.digest
        with FileLock(self._state / "models.lock"):  # two endpoints may have one model
            if place.exists():
                return place
            draft = place.with_name(f"{candidate.digest}.draft")
            shutil.rmtree(draft, ignore_errors=True)
            names = ("checkpoints", "scratch")
            shutil.copytree(candidate.folder, draft, ignore=shutil.ignore_patterns(*names))
            draft.rename(place)
        return place

    def _is_known(self, name: str) -> bool:
        return bool(self._client.search_registered_models(f"name = '{_quoted(name)}'"))

    def _by_alias(self, name: str, alias: str) -> ModelVersion | None:
        for model in self._client.search_registered_models(f"name = '{_quoted(name)}'"):
            if number := model.aliases.get(alias):
                return _version(self._client.get_model_version(name, str(number)))
        return None


def _version(found: Any) -> ModelVersion:
    tags = dict(found.tags)
    folder = Path(url2pathname(urlsplit(found.source).path))
    return ModelVersion(found.name, int(found.version), tags["model_digest"], folder, tags)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _quoted(name: str) -> str:
    return name.replace("'", "")
