"""
Data sets of images, in whichever of three shapes they come: found out by looking.

    class folders   train/<label>/*.png, optionally test/<label>/…; or <label>/… alone
    Parquet         columns image (bytes, or struct<bytes, path>), label, optionally split
    IDX             *-images-idx3-ubyte[.gz] with its labels, the MNIST family

An image set is read in chunks. A chunk is small and can be sent to another process, which reads the
bytes itself; nothing here decodes an image.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from model.image_files import StorageIll, answering, printable

LABELLED = ("image", "label")  # what a data set has of each image
TEST_SHARE = 0.2  # of images whose data set declares no test split


class BadDataset(ValueError):
    """A data set that cannot be read as one; the message says why and what would do."""


class RawImage(NamedTuple):
    """
    One image as stored.

    Attributes:
        path: its name inside the data set; unique there.
        label: name of its class.
        split: "train" or "test".
        data: the file's bytes, or bare intensities if ``raw_shape`` is set.
        raw_shape: (height, width, channels) of bare intensities; ``None`` for an encoded file.
        fault: why the bytes could not be had; ``data`` is empty then.
    """

    path: str
    label: str
    split: str
    data: bytes
    raw_shape: tuple[int, int, int] | None = None
    fault: str | None = None


class Chunk(Protocol):
    """Some images, to be read here or in another process."""

    def read(self, split: str | None = None) -> Iterator[RawImage]:
        """
        All of them, or those of one split; what is declared to be of another is not read.

        Raises:
            BadDataset: a file is not what it was when it was opened.
            StorageIll: the storage does not answer as it should.
        """


class CountedChunk(Chunk, Protocol):
    """A chunk that tells its size, and can be cut."""

    @property
    def images(self) -> int:
        """How many, of all splits."""

    def some(self, first: int, end: int) -> CountedChunk:
        """Some of them as a chunk of its own: from the place ``first`` to before ``end``."""


class ImageSet(Protocol):
    """A data set that was found; its images are read in chunks, in an order that never changes."""

    @property
    def uri(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def labels(self) -> tuple[str, ...]: ...
    def __len__(self) -> int: ...
    def digest(self) -> str:
        """SHA-256 of content: file bytes and paths below ``uri``, wherever that lies."""

    def mark(self) -> str | None:
        """A digest of the listing alone; with the same one, ``digest`` is the same. Or ``None``."""

    def chunks(self, images: int = 512) -> Iterator[CountedChunk]:
        """All images, about ``images`` a chunk."""


def open_images(uri: str) -> ImageSet:
    """
    Find out what kind of data set lies at ``uri``: a path, or a URL that fsspec knows.

    Raises:
        BadDataset: nothing is there, or nothing that is a data set.
        StorageIll: the storage does not answer as it should.
    """
    return _opened(uri, LABELLED)


def open_unlabelled(uri: str) -> ImageSet:
    """
    The same, where images need no label: a folder of them alone, or a table without that column.

    Raises:
        BadDataset: nothing is there, or nothing that holds images.
    """
    return _opened(uri, ("image",))


def _opened(uri: str, needed: tuple[str, ...]) -> ImageSet:
    import fsspec

    try:
        uri.encode()
        with answering(uri):
            system, path = fsspec.core.url_to_fs(uri)
            system.invalidate_cache()  # what lies there now, not when it was opened before
            path = path.rstrip("/") or path
            if not system.exists(path):
                raise BadDataset(f"{uri} does not exist; give a folder or a Parquet file of images")
            return _open(uri, system, path, needed)
    except (BadDataset, StorageIll):
        raise
    except UnicodeEncodeError as error:
        raise BadDataset(f"{uri!a} is not UTF-8; rename it") from error
    except (OSError, ValueError, ImportError) as error:
        raise BadDataset(f"{uri} cannot be read: {error}") from error


def _open(uri: str, system: Any, path: str, needed: tuple[str, ...]) -> ImageSet:
    from model import image_folders, image_idx, image_tables

    is_file = system.isfile(path)
    listed = [] if is_file else system.ls(path, detail=True)
    names = [entry["name"] for entry in listed if entry["type"] != "other"]  # no pipe, no device
    names = [path] if is_file else [name for name in names if printable(name) == name]
    if tables := sorted(name for name in names if name.endswith(".parquet")):
        return image_tables.open_tables(uri, system, tables, path, needed)
    if any(image_idx.IMAGES.search(name) for name in names):
        if is_file:
            folder = uri.rpartition("/")[0] or "."
            raise BadDataset(f"{uri} is one file of an IDX data set; give its folder, {folder}")
        return image_idx.open_idx(uri, path)
    if is_file:
        raise BadDataset(f"{uri} is a file, but not a Parquet file of images")
    if "label" in needed:
        return image_folders.open_folders(uri, system, path)
    return image_folders.open_loose(uri, system, path)


def split_of(data: bytes) -> str:
    """The split of an image whose data set declares none: by its content, so it never moves."""
    share = int.from_bytes(hashlib.sha256(data).digest()[:8], "big") / 2**64
    return "test" if share < TEST_SHARE else "train"


def name_of(uri: str) -> str:
    """A name for a data set, its model and its endpoint, from the last part of its URI."""
    last = re.split(r"[/\\]", uri.rstrip("/\\"))[-1]
    stem = re.sub(r"\.(parquet|zip)$", "", last)
    slug = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")
    return slug[:63] or "images"


def in_natural_order(labels: set[str]) -> tuple[str, ...]:
    """Sort labels as people do: 2 before 10."""

    def key(label: str) -> list[tuple[bool, int, str]]:
        parts = re.split(r"(\d+)", label)
        # Not isdigit: it is true of "②" as well, which is no number for int.
        return [
            (not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts
        ]

    return tuple(sorted(labels, key=key))
