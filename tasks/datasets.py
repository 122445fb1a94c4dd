"""What every backend does alike with images, wherever fsspec reaches: find, digest, judge."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from data_checks.check import Reference, Report, check_images
from data_checks.limits import BadLimits, Limits
from data_checks.table import FactsFailed
from model.image_files import StorageIll
from model.images import BadDataset, ImageSet, open_images
from tasks.errors import Refused, Transient
from tasks.ports import Watch
from tasks.records import Dataset

TELL_EVERY_S = 5.0


class OpenedDatasets(ABC):
    """Opens data sets by ``model.images``; a backend says where reports stay."""

    @abstractmethod
    def reports(self, key: str) -> Path:
        """Folder of the report with that key."""

    def identify(self, uri: str, name: str | None) -> Dataset:
        """Look at ``uri`` and digest its content."""
        try:
            images = open_images(uri)
            digest = self.digest_of(images)
        except BadDataset as error:
            raise Refused(str(error)) from error
        return Dataset(uri, name or images.name, digest, images.kind, len(images), images.labels)

    def digest_of(self, images: ImageSet) -> str:
        """Of their bytes, which are all read for it."""
        return images.digest()

    def limits(self, dataset: Dataset) -> Limits:
        """The defaults, or those of ``data_checks.toml`` beside the images."""
        try:
            return Limits.beside(dataset.uri)
        except BadLimits as error:
            raise Refused(str(error)) from error

    def check(
        self, dataset: Dataset, limits: Limits, reference: Reference | None, key: str, watch: Watch,
        workers: int = 1,
    ) -> Report:  # fmt: skip
        """Judge every image by the suite of ``data_checks``, with every core of this machine."""
        try:
            return check_images(
                open_images(dataset.uri).chunks(),
                labels=dataset.labels,
                limits=limits,
                out=self.reports(key),
                reference=reference,
                progress=_now_and_then(watch, dataset.images),
                confirm=lambda: self._confirm(dataset),
            )
        except (BadDataset, BadLimits) as error:
            raise Refused(str(error)) from error
        except (FactsFailed, StorageIll) as error:
            raise Transient(str(error)) from error

    def _confirm(self, dataset: Dataset) -> None:
        """Raises BadDataset: what was looked at is no more what the release is of."""
        digest = self.digest_of(open_images(dataset.uri))
        if digest != dataset.digest:
            raise BadDataset(f"{dataset.uri} changed while it was checked: its digest was "
                             f"{dataset.digest[:12]}, and is {digest[:12]}; start the release again"
                             )  # fmt: skip


def _now_and_then(watch: Watch, total: int) -> Callable[[int], None]:
    last = time.monotonic()

    def tell(done: int) -> None:
        nonlocal last
        if time.monotonic() - last >= TELL_EVERY_S:
            last = time.monotonic()
            watch(f"looked at {done:,} of {total:,} images")

    return tell
