"""Files of this machine that are whole or not there."""

from __future__ import annotations

import errno
import os
import uuid
from pathlib import Path

DRAFT = ".draft"


def replace_whole(data: bytes, target: Path) -> None:
    """
    In one step; a kill leaves a draft at most.

    It is not waited for the disk: ``settle`` does so for all files together.
    """
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}{DRAFT}")
    try:
        with draft.open("xb") as stream:
            stream.write(data)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def copy_whole(data: bytes, target: Path) -> None:
    """To the final name at once, then looked at: half a file has no footer, and is made anew."""
    target.write_bytes(data)
    if target.read_bytes() != data:
        raise OSError(errno.EIO, "what was read back is not what was written")


def settle(path: Path) -> None:
    """Return when the file, or the list of names in the folder, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
