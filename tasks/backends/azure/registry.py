"""
Azure Machine Learning's model registry, by azure-ai-ml: one version for one digest.

Numbers are given here, never by the service: its own numbering makes a second version of a retried
call. Who serves is a tag. Both are changed under a lock, for the service overwrites whole objects.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.folder import BadModelFolder, ModelFolder
from tasks.backends.azure.failures import told
from tasks.backends.azure.lake import Lake
from tasks.backends.azure.shared import SharedRegistry
from tasks.errors import Refused
from tasks.records import Approved, ModelVersion

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

CROWNED = "crowned"  # a number; the highest one serves, the second served before
ROLE, CHAMPION, PREVIOUS = "role", "champion", "previous"  # the same, for people
NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}"
LOCK_WAIT_S = 120.0


class AzureMlRegistry:
    """
    Args:
        state: where model folders are kept, by digest, once they were fetched.
        most: versions that are not archived, but for those that serve or served last; or all.
        shared: where the champion is put as well, for other workspaces.
    """

    def __init__(
        self, client: MLClient, lake: Lake, state: Path, *, most: int | None = None,
        shared: SharedRegistry | None = None,
    ) -> None:  # fmt: skip
        self._client, self._lake, self._kept = client, lake, state / "models"
        self._most, self._shared = most, shared

    def register(self, approved: Approved, name: str, tags: dict[str, str]) -> ModelVersion:
        """The version that these bytes have, or a new one; killed in between, the same one."""
        from azure.ai.ml.entities import Model

        require_name(name)
        candidate = approved.candidate
        with self._locked(name):
            found = self._found(name)
            for version in self._ours(found):
                if version.digest == candidate.digest:
                    return version
            taken = [int(each.version) for each in found if str(each.version).isdecimal()]
            number = max(taken, default=0) + 1
            folder = self._copy(candidate.digest, candidate.folder)
            model = Model(
                path=folder, name=name, version=str(number), type="custom_model", tags=tags,
                properties={"model_digest": candidate.digest},
                description=f"accuracy {candidate.accuracy:.4f}",
            )  # fmt: skip
            with told(f"registering {name} version {number}"):
                self._client.models.create_or_update(model)
        return ModelVersion(name, number, candidate.digest, folder, tags, is_new=True)

    def versions(self, name: str) -> list[ModelVersion]:
        """All that releases made, oldest first, archived ones too; others may have made more."""
        return self._ours(self._found(name))

    def champion(self, name: str) -> ModelVersion | None:
        """The version that serves."""
        return next((self._with_folder(each) for each in self._crowned(name)), None)

    def previous(self, name: str) -> ModelVersion | None:
        """The version that served before."""
        return next((self._with_folder(each) for each in self._crowned(name)[1:]), None)

    def version(self, name: str, number: int) -> ModelVersion:
        """That version, or a refusal that names the versions there are."""
        known = self.versions(name)
        for version in known:
            if version.number == number:
                return self._with_folder(version)
        listed = ", ".join(str(version.number) for version in known) or "none"
        raise Refused(f"{name} has no version {number}; there are: {listed}")

    def crown(self, version: ModelVersion) -> bool:
        """Let it be the champion: by one write, so a kill leaves the former state or the new."""
        name = version.name
        if self._shared:  # first: where it may not be shared, nothing was changed here
            self._shared.put(self._as_registered(version))
        with self._locked(name):
            reigned = self._crowned(name)
            is_another = not reigned or reigned[0].number != version.number
            if is_another:
                highest = int(reigned[0].tags[CROWNED]) if reigned else 0
                self._tag(version, {ROLE: CHAMPION, CROWNED: str(highest + 1)})
            for rank, each in enumerate(self._crowned(name)[1:]):
                role = PREVIOUS if rank == 0 else ""
                if each.tags.get(ROLE, "") != role:
                    self._tag(each, {ROLE: role})
            if self._most is not None:
                self._archive(name, self._most)
        return is_another

    def _as_registered(self, version: ModelVersion) -> ModelVersion:
        """With its files, and the tags of its lineage without those of its role here."""
        tags = {k: v for k, v in version.tags.items() if k not in (ROLE, CROWNED)}
        return replace(self._with_folder(version), tags=tags)

    def _archive(self, name: str, most: int) -> None:
        """Take old versions out of people's lists; they stay, and may serve again."""
        from azure.ai.ml.constants import ListViewType

        needed = {version.number for version in self._crowned(name)[:2]}
        old = {version.number for version in self.versions(name)[:-most]} - needed
        with told(f"archiving old versions of {name}"):
            found = self._client.models.list(name=name, list_view_type=ListViewType.ARCHIVED_ONLY)
            archived = {int(each.version) for each in found if str(each.version).isdecimal()}
            for number in sorted(old - archived):
                self._client.models.archive(name, version=str(number))
            for number in sorted(needed & archived):
                self._client.models.restore(name, version=str(number))

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        with self._lake.lock(f"models/{name}", f"a change of {name}", _quiet, LOCK_WAIT_S):
            yield

    def _crowned(self, name: str) -> list[ModelVersion]:
        """Those that serve or served, the last one first."""
        found = [each for each in self.versions(name) if CROWNED in each.tags]
        return sorted(found, key=lambda each: int(each.tags[CROWNED]), reverse=True)

    def _tag(self, version: ModelVersion, tags: dict[str, str]) -> None:
        """Set some tags; an empty one is taken away."""
        with told(f"tagging {version.name} version {version.number}"):
            model = self._client.models.get(version.name, version=str(version.number))
            merged = {**(model.tags or {}), **tags}
            model.tags = {key: value for key, value in merged.items() if value}
            self._client.models.create_or_update(model)

    def _found(self, name: str) -> list[Any]:
        """Every version of that name, archived or not, whoever made it: no number comes twice."""
        from azure.ai.ml.constants import ListViewType

        if not re.fullmatch(NAME, name):
            return []
        with told(f"listing the versions of {name}"):
            return list(self._client.models.list(name=name, list_view_type=ListViewType.ALL))

    def _ours(self, found: list[Any]) -> list[ModelVersion]:
        ours = [
            self._record(each)
            for each in found
            if "model_digest" in (each.tags or {}) and str(each.version).isdecimal()
        ]
        return sorted(ours, key=lambda each: each.number)

    def _record(self, found: Any) -> ModelVersion:
        tags = dict(found.tags)
        digest = tags["model_digest"]
        return ModelVersion(found.name, int(found.version), digest, self._kept / digest, tags)

    def _with_folder(self, version: ModelVersion) -> ModelVersion:
        """The same, with its model folder on this machine."""
        if _is_whole(version.folder):
            return version
        with self._draft(version.digest) as draft:
            with told(f"fetching {version.name} version {version.number}"):
                self._client.models.download(
                    version.name, version=str(version.number), download_path=draft
                )
            manifest = next(draft.rglob("manifest.json"), None)
            if manifest is None or not _is_whole(manifest.parent):
                raise Refused(f"what Azure ML holds of {version.name} version {version.number} is "
                              "not a whole model folder")  # fmt: skip
            _take(manifest.parent, version.folder)
        return version

    def _copy(self, digest: str, folder: Path) -> Path:
        """The folder without what only training needs, under its digest."""
        place = self._kept / digest
        if not _is_whole(place):
            with self._draft(digest) as draft:
                shutil.copytree(
                    folder, draft / "model",
                    ignore=shutil.ignore_patterns("checkpoints", "scratch"),
                )  # fmt: skip
                _take(draft / "model", place)
        return place

    @contextmanager
    def _draft(self, digest: str) -> Iterator[Path]:
        """A folder of one's own: another process may fetch the same."""
        self._kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{digest[:12]}.", dir=self._kept) as place:
            yield Path(place)


def require_name(name: str) -> None:
    """
    Refuse a name that Azure ML would refuse, before anything was paid for.

    Raises:
        Refused: it has other signs, or too many.
    """
    if not re.fullmatch(NAME, name):
        raise Refused(f"Azure ML takes no model named {name!r}: letters, digits, dashes and "
                      "underscores, at most 255; choose another --name")  # fmt: skip


def _take(made: Path, place: Path) -> None:
    """Put it in its place, unless another process did meanwhile: a digest has one content."""
    if _is_whole(place):
        return
    shutil.rmtree(place, ignore_errors=True)
    made.rename(place)


def _is_whole(folder: Path) -> bool:
    try:
        ModelFolder.read(folder).verify()
    except BadModelFolder:
        return False
    return True


def _quiet(_: str) -> None:
    """Such locks are held for moments."""
