"""Class folders: ``train/<label>/…``, optionally ``test/<label>/…``, or ``<label>/…`` alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from model.folder_entries import MOST_AT_ONCE, Entry, read_entries
from model.image_files import NO_UTF8, Found, fault_of, is_local, printable, scan, too_large
from model.images import BadDataset, CountedChunk, RawImage, in_natural_order, name_of, split_of

READERS = 8
TRAIN = ("train", "training")
TEST = ("test", "testing", "val", "valid", "validation")


@dataclass(frozen=True)
class FolderChunk:
    """Some files of a folder."""

    root: str
    system: Any  # as the same in another process
    entries: tuple[Entry, ...]

    @property
    def images(self) -> int:
        return len(self.entries)

    def some(self, first: int, end: int) -> FolderChunk:
        return replace(self, entries=self.entries[first:end])

    def read(self, split: str | None = None) -> Iterator[RawImage]:
        asked = [e for e in self.entries if split is None or e.split in (None, split)]
        for entry, data, fault in read_entries(self.system, self.root, asked):
            found = entry.split or split_of(data)
            if split in (None, found):
                yield RawImage(entry.path, entry.label, found, data, fault=fault)


class Folders:
    """Images in class folders, on any file system of fsspec."""

    kind = "class folders"

    def __init__(
        self, uri: str, system: Any, root: str, found: tuple[list[Entry], set[str]]
    ) -> None:
        self.uri, self.name = uri, name_of(uri)
        self._system, self._root = system, root
        self._entries, labels = found
        self.labels = in_natural_order(labels)
        if not self._entries:
            raise BadDataset(
                f"{uri} has no images; put them into a folder a class: {uri}/train/<label>/*.png"
            )

    def __len__(self) -> int:
        return len(self._entries)

    def digest(self) -> str:
        def rows(entries: list[Entry]) -> bytes:
            return b"".join(
                f"{e.path}\0{fault or ''}\0{hashlib.sha256(data).hexdigest()}\n".encode()
                for e, data, fault in read_entries(self._system, self._root, entries)
            )

        total = self._begun()
        with ThreadPoolExecutor(READERS) as pool:
            for many in _batches(self._entries, 4096):  # not all futures of a million at once
                for lines in pool.map(rows, _batches(many, MOST_AT_ONCE)):
                    total.update(lines)
        return total.hexdigest()

    def mark(self) -> str | None:
        """Digest of the listing; the same means the same content. ``None``: it tells too little."""
        total = self._begun()
        for entry in self._entries:
            if not (entry.mark or entry.fault):
                return None
            total.update(f"{entry.path}\0{entry.fault or ''}\0{entry.mark}\n".encode())
        return total.hexdigest()

    def _begun(self) -> hashlib._Hash:
        return hashlib.sha256("\0".join(self.labels).encode())

    def chunks(self, images: int = 512) -> Iterator[CountedChunk]:
        for batch in _batches(self._entries, images):
            yield FolderChunk(self._root, self._system, tuple(batch))


def open_folders(uri: str, system: Any, root: str) -> Folders:
    """Class folders at ``root``. Raises BadDataset: no label folder, or no file in any."""
    return Folders(uri, system, root, _listing(system, root, uri))


def open_loose(uri: str, system: Any, root: str) -> Folders:
    """Class folders; where there is no folder at all, the files, without a label."""
    listed = scan(system, root)
    if any(found.is_folder for found in listed):
        return open_folders(uri, system, root)
    entries = [_entry(system, found, printable(found.name), "", None, root) for found in listed]
    return Folders(uri, system, root, (entries, set()))


def _listing(system: Any, root: str, uri: str) -> tuple[list[Entry], set[str]]:
    tops = {found.name: found.path for found in scan(system, root) if found.is_folder}
    splits = {name: path for name, path in tops.items() if name.lower() in TRAIN + TEST}
    entries: list[Entry] = []
    labels: set[str] = set()
    has_test = any(name.lower() in TEST for name in splits)
    for name, path in (splits or {"": root}).items():
        split = None if not has_test else ("test" if name.lower() in TEST else "train")
        for label, folder in ((f.name, f.path) for f in scan(system, path) if f.is_folder):
            if printable(label) != label:
                raise BadDataset(f"{uri}: the folder {printable(label)} of a class: {NO_UTF8}")
            labels.add(label)
            prefix = f"{name}/{label}" if name else label
            entries += _walk(system, folder, prefix, label, split, root)
    if not labels:
        raise BadDataset(
            f"{uri} has no labels: no folder a class was found; "
            f"put the images into {uri}/train/<label>/, or give a Parquet file with a label column"
        )
    return sorted(entries, key=lambda entry: entry.path), labels


def _walk(
    system: Any, folder: str, prefix: str, label: str, split: str | None, root: str
) -> Iterator[Entry]:
    if fault := fault_of(system, folder, root):
        yield Entry(prefix, label, split, fault)
        return
    for found in scan(system, folder):
        below = f"{prefix}/{printable(found.name)}"
        if not found.is_folder:
            yield _entry(system, found, below, label, split, root)
        elif is_local(system) and Path(found.path).is_symlink():
            fault = fault_of(system, found.path, root) or "symlink to a folder"
            yield Entry(below, label, split, fault)
        else:
            yield from _walk(system, found.path, below, label, split, root)


def _entry(system: Any, found: Found, path: str, label: str, split: str | None, root: str) -> Entry:
    fault = fault_of(system, found.path, root) or too_large(found.size)
    return Entry(path, label, split, fault, found.size, found.mark)


def _batches(entries: list[Entry], size: int) -> Iterator[list[Entry]]:
    rest = iter(entries)
    while batch := list(islice(rest, size)):
        yield batch
