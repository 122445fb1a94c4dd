"""Class folders: ``train/<label>/…``, optionally ``test/<label>/…``, or ``<label>/…`` alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from model.image_files import NO_UTF8, bytes_of, fault_of, is_local, printable, scan
from model.images import BadDataset, Chunk, RawImage, in_natural_order, name_of, split_of

READERS = 8
TRAIN = ("train", "training")
TEST = ("test", "testing", "val", "valid", "validation")


@dataclass(frozen=True, slots=True)  # there may be a million
class Entry:
    """A file that was listed: its path below the root, and why it must not be read, if so."""

    path: str
    label: str
    split: str | None
    fault: str | None = None


@dataclass(frozen=True)
class FolderChunk:
    """Some files of a folder."""

    root: str
    protocol: Any
    options: Any
    entries: tuple[Entry, ...]

    def read(self, split: str | None = None) -> Iterator[RawImage]:
        import fsspec

        system = fsspec.filesystem(self.protocol, **self.options)
        for entry in self.entries:
            if split and entry.split not in (None, split):
                continue
            data, fault = _bytes_of(system, self.root, entry)
            found = entry.split or split_of(data)
            if split in (None, found):
                yield RawImage(entry.path, entry.label, found, data, fault=fault)


class Folders:
    """Images in class folders, on any file system of fsspec."""

    kind = "class folders"

    def __init__(self, uri: str, system: Any, root: str) -> None:
        self.uri, self.name = uri, name_of(uri)
        self._system, self._root = system, root
        self._entries, labels = _listing(system, root, uri)
        self.labels = in_natural_order(labels)
        if not self._entries:
            raise BadDataset(
                f"{uri} has no images; put them into a folder a class: {uri}/train/<label>/*.png"
            )

    def __len__(self) -> int:
        return len(self._entries)

    def digest(self) -> str:
        def row(entry: Entry) -> bytes:
            data, fault = _bytes_of(self._system, self._root, entry)
            return f"{entry.path}\0{fault or ''}\0{hashlib.sha256(data).hexdigest()}\n".encode()

        total = hashlib.sha256("\0".join(self.labels).encode())
        with ThreadPoolExecutor(READERS) as pool:
            for batch in _batches(self._entries, 4096):  # not all futures of a million at once
                for line in pool.map(row, batch):
                    total.update(line)
        return total.hexdigest()

    def chunks(self, images: int = 512) -> Iterator[Chunk]:
        protocol, options = self._system.protocol, self._system.storage_options
        first = protocol if isinstance(protocol, str) else protocol[0]
        for batch in _batches(self._entries, images):
            yield FolderChunk(self._root, first, options, tuple(batch))


def open_folders(uri: str, system: Any, root: str) -> Folders:
    """Class folders at ``root``. Raises BadDataset: no label folder, or no file in any."""
    return Folders(uri, system, root)


def _listing(system: Any, root: str, uri: str) -> tuple[list[Entry], set[str]]:
    tops = {name: path for name, path, is_folder in scan(system, root) if is_folder}
    splits = {name: path for name, path in tops.items() if name.lower() in TRAIN + TEST}
    entries: list[Entry] = []
    labels: set[str] = set()
    has_test = any(name.lower() in TEST for name in splits)
    for name, path in (splits or {"": root}).items():
        split = None if not has_test else ("test" if name.lower() in TEST else "train")
        for label, folder, is_folder in scan(system, path):
            if not is_folder:
                continue
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
    for name, path, is_folder in scan(system, folder):
        below = f"{prefix}/{printable(name)}"
        if is_folder and not (is_local(system) and Path(path).is_symlink()):
            yield from _walk(system, path, below, label, split, root)
        elif is_folder:
            yield Entry(below, label, split, fault_of(system, path, root) or "symlink to a folder")
        else:
            yield Entry(below, label, split, fault_of(system, path, root))


def _bytes_of(system: Any, root: str, entry: Entry) -> tuple[bytes, str | None]:
    return (b"", entry.fault) if entry.fault else bytes_of(system, f"{root}/{entry.path}")


def _batches(entries: list[Entry], size: int) -> Iterator[list[Entry]]:
    rest = iter(entries)
    while batch := list(islice(rest, size)):
        yield batch
