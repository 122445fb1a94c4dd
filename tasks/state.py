"""The state folder: where it is, how files in it change whole or not at all, and its lock."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import filelock

from tasks.errors import Transient

CHECKOUT = Path(__file__).resolve().parents[1]
LEAST_FREE_BYTES = 50_000_000
FULL_BYTES = 2_000_000


def home() -> Path:
    """The state folder, made and writable. Raises Transient with the cure where it is not."""
    folder = Path(os.environ.get("MLOPS_HOME") or CHECKOUT / ".mlops").expanduser().resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / ".writable", "")
    except OSError as error:
        raise Transient(
            f"the state folder {folder} cannot be written: {error.strerror}; "
            "free space or change its rights, or set MLOPS_HOME to another folder"
        ) from error
    return folder


def require_space(folder: Path) -> None:
    """Raise Transient, with the cure, if the disk of ``folder`` has no room for a release."""
    if full := told_if_full(folder, least=LEAST_FREE_BYTES):
        raise Transient(full)


def told_if_full(folder: Path, least: int = FULL_BYTES) -> str | None:
    """What to tell a person when less than ``least`` bytes are free; ``None`` if there are."""
    free = shutil.disk_usage(folder).free
    if free >= least:
        return None
    return (
        f"the disk of {folder} has {free / 1e6:.0f} MB left; a release of the sample needs some "
        f"{LEAST_FREE_BYTES / 1e6:.0f} MB: free some, or set MLOPS_HOME to a folder on another "
        "disk. Nothing that was finished is lost: the next run continues from it"
    )


def write_whole(path: Path, text: str) -> None:
    """Write ``path`` so that a reader, or a crash, sees the old content or the new, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    try:
        with draft.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in ``path``; ``None`` if there is none or it cannot be read as one."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def is_held(folder: Path) -> bool:
    """Does a command have the lock of ``folder``?"""
    if not (folder / "lock").exists():
        return False
    lock = filelock.FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return True
    lock.release()
    return False


@contextlib.contextmanager
def only_one(
    folder: Path, *, what: str, wait_s: float, tell: Callable[[str], None]
) -> Iterator[None]:
    """
    Let one command at a time change the state folder; the operating system frees it at a crash.

    Raises:
        Transient: another command still holds it after ``wait_s`` seconds.
    """
    lock, note = filelock.FileLock(folder / "lock"), folder / "lock.holder"
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        holder = read_json(note) or {}
        who = f"{holder.get('what', 'another command')} (process {holder.get('pid', 'unknown')})"
        tell(f"{who} is at work on {folder}; waiting up to {wait_s:g} s for it to end")
        try:
            lock.acquire(timeout=wait_s)
        except filelock.Timeout:
            raise Transient(
                f"{who} still holds {folder} after {wait_s:g} s; "
                "wait for it, end it, or set MLOPS_HOME to another folder"
            ) from None
    try:
        write_whole(note, json.dumps({"pid": os.getpid(), "what": what, "since": time.time()}))
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()
