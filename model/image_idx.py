"""IDX, the MNIST family: ``train-images-idx3-ubyte[.gz]`` and ``train-labels-idx1-ubyte[.gz]``."""

from __future__ import annotations

import functools
import gzip
import hashlib
import math
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from model.images import BadDataset, CountedChunk, RawImage, in_natural_order, name_of, split_of

IMAGES = re.compile(r"(?P<part>[^/\\]*)[-.]images[-.]idx3-ubyte(\.gz)?$")


@dataclass(frozen=True)
class Part:
    """One pair of files; ``labels`` as bytes, one an image."""

    images: Path
    name: str
    split: str | None
    labels: bytes
    height: int
    width: int
    names: tuple[str, ...] | None

    def label(self, index: int) -> str:
        number = self.labels[index]
        return self.names[number] if self.names and number < len(self.names) else str(number)


@dataclass(frozen=True)
class IdxChunk:
    """Consecutive images of one file, with their labels."""

    part: Part
    first: int
    count: int

    @property
    def images(self) -> int:
        return self.count

    def some(self, first: int, end: int) -> IdxChunk:
        labelled = replace(self.part, labels=self.part.labels[first:end])
        return IdxChunk(labelled, self.first + first, end - first)

    def read(self, split: str | None = None) -> Iterator[RawImage]:
        if split and self.part.split not in (None, split):
            return
        size = self.part.height * self.part.width
        block = memoryview(_bytes(self.part.images))[16 + self.first * size :]
        shape = (self.part.height, self.part.width, 1)
        for offset in range(self.count):
            data = bytes(block[offset * size : (offset + 1) * size])
            index = self.first + offset
            # The labels of a chunk start with its first image.
            label = self.part.label(offset)
            found = self.part.split or split_of(data)
            if split in (None, found):
                yield RawImage(f"{self.part.name}/{index:06d}", label, found, data, shape)


class Idx:
    """Images in IDX files of one folder."""

    kind = "idx"

    def __init__(self, uri: str, root: Path) -> None:
        self.uri, self.name = uri, name_of(uri)
        self._parts = _parts(uri, root)
        found = {part.label(part.labels.index(n)) for part in self._parts for n in set(part.labels)}
        self.labels = self._parts[0].names or in_natural_order(found)

    def __len__(self) -> int:
        return sum(len(part.labels) for part in self._parts)

    def digest(self) -> str:
        total = hashlib.sha256("\0".join(self.labels).encode())
        for part in self._parts:
            total.update(part.name.encode() + part.labels)
            total.update(hashlib.sha256(_bytes(part.images)).digest())
        return total.hexdigest()

    def mark(self) -> str | None:
        return None  # files of this machine have no mark that an edit cannot keep

    def chunks(self, images: int = 512) -> Iterator[CountedChunk]:
        # Labels travel with their chunk only, not all of them with each.
        for part in self._parts:
            for first in range(0, len(part.labels), images):
                labels = part.labels[first : first + images]
                yield IdxChunk(Part(**{**vars(part), "labels": labels}), first, len(labels))


def open_idx(uri: str, path: str) -> Idx:
    """IDX files in the folder ``path``. Raises BadDataset: labels missing, or sizes that differ."""
    return Idx(uri, Path(path))


def _parts(uri: str, root: Path) -> tuple[Part, ...]:
    names = _names(root / "labels.txt") if (root / "labels.txt").exists() else None
    found = []
    for path in sorted(root.iterdir()):
        if match := IMAGES.search(path.name):
            if path.with_name(f"{path.name}.gz").exists():
                raise BadDataset(f"{uri} has {path.name} twice, packed and unpacked; remove one")
            found.append(_part(path, match["part"], names))
    has_test = any(part.split == "test" for part in found)
    if not has_test:
        found = [Part(**{**vars(part), "split": None}) for part in found]
    if not sum(len(part.labels) for part in found):
        raise BadDataset(f"{uri} has no images: its IDX files are empty")
    return tuple(found)


def _names(file: Path) -> tuple[str, ...] | None:
    try:
        return tuple(filter(None, map(str.strip, file.read_text("utf-8").split("\n")))) or None
    except ValueError as error:
        raise BadDataset(f"{file} is no text in UTF-8: {error}") from error


def _part(path: Path, name: str, names: tuple[str, ...] | None) -> Part:
    other = path.name.replace("images", "labels").replace("idx3", "idx1")
    pairs = [path.with_name(other), path.with_name(other.removesuffix(".gz"))]
    labels_file = next((pair for pair in pairs if pair.exists()), None)
    if labels_file is None:
        raise BadDataset(f"{path} has no labels: {other} is not beside it")
    magic, (count, height, width) = _header(path, dimensions=3)
    _, (labelled,) = _header(labels_file, dimensions=1)
    labels = _bytes(labels_file)[8:]
    size = len(_bytes(path)) - 16
    if magic != 0x0803 or size != count * math.prod((height, width)):
        raise BadDataset(f"{path} is no whole IDX file: {count} images of {height}x{width} "
                         f"would be {count * height * width:,} bytes, it has {size:,}")  # fmt: skip
    if not count == labelled == len(labels):
        raise BadDataset(f"{path} has {count} images, {labels_file.name} has {len(labels)} labels")
    split = "test" if name.startswith(("t10k", "test")) else "train"
    return Part(path, name, split, labels, height, width, names)


def _header(path: Path, *, dimensions: int) -> tuple[int, tuple[int, ...]]:
    head = _bytes(path)[: 4 + 4 * dimensions]
    if len(head) < 4 + 4 * dimensions:
        raise BadDataset(f"{path} is no IDX file: it ends within its header")
    numbers = [int.from_bytes(head[at : at + 4], "big") for at in range(0, len(head), 4)]
    return numbers[0], tuple(numbers[1:])


def _bytes(path: Path) -> bytes:
    """The file, unpacked; kept as long as it is the same, for the next chunk reads it again."""
    try:
        found = path.stat()
    except OSError as error:
        raise BadDataset(f"{path} cannot be read: {error}") from error
    return _unpacked(path, found.st_mtime_ns, found.st_size)


@functools.lru_cache(maxsize=4)
def _unpacked(path: Path, _mtime_ns: int, _size: int) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise BadDataset(f"{path} cannot be read: {error}") from error
