"""Digests of values and files: the keys by which a stage finds out that nothing changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from model.folder import digest_of_file as digest_of_file


def digest_of(value: object) -> str:
    """SHA-256 (hexadecimal) of a JSON-like value; the order of mapping keys does not matter."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_tree(root: Path, files: Iterable[Path]) -> str:
    """Digest of ``files`` by their content and their path below ``root``, in any order."""
    rows = sorted((path.relative_to(root).as_posix(), digest_of_file(path)) for path in files)
    return digest_of(rows)
