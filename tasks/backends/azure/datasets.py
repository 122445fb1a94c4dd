"""Images in Blob Storage; the reports of their checks go to the lake, for every machine to see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from data_checks.check import REPORT, Reference, Report, begin
from data_checks.limits import Limits
from model.images import ImageSet, name_of
from tasks.backends.azure.checker import DatabricksChecker
from tasks.backends.azure.failures import told
from tasks.backends.azure.lake import Lake
from tasks.backends.azure.registry import require_name
from tasks.backends.azure.volume_files import SCHEME, for_here
from tasks.datasets import OpenedDatasets
from tasks.digests import digest_of
from tasks.errors import Refused
from tasks.ports import Watch
from tasks.records import Dataset
from tasks.state import write_whole

BLOBS = ("az", "abfs", "abfss")


class BlobDatasets(OpenedDatasets):
    """
    ``az://container/path``, which the trainer reaches as well.

    Args:
        state: where reports lie on this machine.
        account: the storage account of URIs that name none.
        environment: the settings by which volumes are reached.
        only_volumes: the compute has no identity that Blob Storage would let in.
        checker: lets several machines judge images.
    """

    def __init__(
        self, lake: Lake, state: Path, account: str, environment: str = "", *,
        only_volumes: bool = False, checker: DatabricksChecker,
    ) -> None:  # fmt: skip
        self._lake, self._state, self._only_volumes = lake, state, only_volumes
        self._checker = checker
        self._asked: set[str] = set()  # keys of checks that machines were asked for, and go on
        self._account, self._environment = account, environment
        self._listings: dict[str, str] = {}  # digest → key of the listing that had it

    def identify(self, uri: str, name: str | None) -> Dataset:
        """Look at ``uri`` and digest its content."""
        if not uri.startswith((*(f"{each}://" for each in BLOBS), "/Volumes/", SCHEME)):
            raise Refused(
                f"{uri} is on this machine, where Databricks cannot read it; copy it to Blob "
                "Storage: az storage blob upload-batch, then --data az://…"
            )
        if self._only_volumes and not for_here(uri).startswith(SCHEME):
            raise Refused(
                f"{uri} cannot be read by serverless compute; give images in a volume "
                "(/Volumes/…), or unset DATABRICKS_SERVERLESS_COMPUTE_ID"
            )
        with told(f"reading {uri}"):
            found = super().identify(self._placed(uri), name or name_of(uri))
        require_name(found.name)
        return found

    def _placed(self, uri: str) -> str:
        """
        The same with its account or environment: whoever reads it later may have other settings.

        Short ones would be looked for in the account that the process's environment names, if any.
        """
        scheme, _, below = uri.partition("://")
        container, _, path = below.partition("/")
        if scheme in BLOBS and "@" not in container:
            return f"abfss://{container}@{self._account}.dfs.core.windows.net/{path}"
        return for_here(uri, self._environment)

    def limits(self, dataset: Dataset) -> Limits:
        """The defaults, or those of ``data_checks.toml`` beside the images."""
        with told(f"reading {dataset.uri}"):
            return super().limits(dataset)

    def digest_of(self, images: ImageSet) -> str:
        """Of the bytes; an unchanged listing, by its ETags, has the digest that it had before."""
        mark = images.mark()
        if mark is None:
            return super().digest_of(images)
        key = digest_of(f"{images.uri}\0{mark}")
        here = self._state / "digests" / key
        if here.exists():
            digest = here.read_text(encoding="ascii")
        elif known := self._lake.read(f"digests/{key}"):
            digest = known.decode("ascii")
        else:
            digest = super().digest_of(images)
            here.parent.mkdir(parents=True, exist_ok=True)
            write_whole(here, digest)
        self._listings[digest] = key
        return digest

    def check(
        self, dataset: Dataset, limits: Limits, reference: Reference | None, key: str, watch: Watch,
        workers: int = 1,
    ) -> Report:  # fmt: skip
        """Judge every image; the report is copied to the lake, and which listing it is of."""
        if workers > 1:
            report = self._by_machines(dataset, limits, reference, key, watch, workers)
        else:
            report = super().check(dataset, limits, reference, key, watch)
        self._lake.keep(self._place(key), f"checks/{key}")
        if listing := self._listings.get(dataset.digest):
            self._lake.write(f"digests/{listing}", dataset.digest.encode("ascii"))
        if workers > 1:
            self._checker.forget(key)
        return report

    def _by_machines(
        self, dataset: Dataset, limits: Limits, reference: Reference | None, key: str, watch: Watch,
        workers: int,
    ) -> Report:  # fmt: skip
        place = self._place(key)
        begin(place)
        self._asked.add(key)
        try:
            return self._checker.check(dataset, limits, reference, key, place, watch, workers)
        finally:
            self._asked.discard(key)

    def cancel(self) -> None:
        """End the runs that this process waits for."""
        for key in sorted(self._asked):
            self._checker.cancel(key)

    def sweep(self, is_awaited: Callable[[str], bool]) -> int:
        """End runs that no release waits for."""
        return self._checker.sweep(is_awaited)

    def reports(self, key: str) -> Path:
        """Folder of the report with that key; fetched, if another machine made it."""
        place = self._place(key)
        if not (place / REPORT).is_file():
            self._lake.fetch(f"checks/{key}", place)
        return place

    def _place(self, key: str) -> Path:
        return self._state / "checks" / key
