"""Builds in Azure Container Registry: started once for each name, followed, their log told."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.backends.azure.failures import told
from tasks.backends.azure.waiting import follow
from tasks.errors import Refused, Transient
from tasks.ports import Watch

if TYPE_CHECKING:
    from azure.mgmt.containerregistrytasks import ContainerRegistryTasksMgmtClient

Request = Callable[[Path], tuple[Path, dict[str, Any]]]  # in a folder: archive, what to do with it
ENDED = {"Succeeded", "Failed", "Canceled", "Error", "Timeout"}
TIMEOUT_S, POLL_S = 2400.0, 3.0
LAST_WORDS = 30  # lines of the log in a message
STEP = re.compile(r"step \d+/\d+", re.IGNORECASE)  # lines of the log that are told as they come
WIDTH = 100
LATER = (  # words of an error in the log: a second build may well succeed
    "timed out", "timeout", "toomanyrequests", "too many requests", "connection reset",
    "connection refused", "temporarily", "status: 50", "tls handshake", "unexpected eof",
    "no space left",
)  # fmt: skip


class Builds:
    """
    Args:
        group, registry: where the registry is.
        poll_s: seconds between two looks at a build.
    """

    def __init__(
        self, client: ContainerRegistryTasksMgmtClient, group: str, registry: str,
        *, poll_s: float = POLL_S,
    ) -> None:  # fmt: skip
        self._client, self._at, self._poll_s = client, (group, registry), poll_s

    def run(self, name: str, request: Request, watch: Watch, is_there: Callable[[], bool]) -> None:
        """
        Build, or wait for the build of that name that goes on or was done.

        Args:
            request: makes what is uploaded; asked for only if the build is to begin.
            is_there: is what it makes in the registry? What was built may be deleted since.

        Raises:
            Transient: it did not come to its end, or ended for a passing reason.
            Refused: it ended by an error of the build itself; the log's end is in the message.
        """
        found = self._look(name)
        is_over = found is not None and _status(found) in ENDED
        if found is None or (is_over and not (_status(found) == "Succeeded" and is_there())):
            turn = int(found["properties"].get("forceUpdateTag") or 0) + 1 if found else 0
            self._begin(name, request, turn, watch)
        log = _Log(self, watch)
        ended = follow(
            lambda: log.told_with(self._look(name)),
            until=lambda seen: seen is not None and _status(seen) in ENDED,
            what=f"the build {name}", timeout_s=TIMEOUT_S, poll_s=self._poll_s,
        )  # fmt: skip
        status = _status(ended or {})
        if status == "Succeeded":
            return
        words = log.lines[-LAST_WORDS:]
        said = "\n".join((f"the build of the image ended as {status}; its last words:", *words))
        errors = " ".join(line.lower() for line in words if "error" in line.lower())
        passing = status in ("Error", "Timeout") or any(word in errors for word in LATER)
        raise Transient(said) if passing else Refused(said)

    def log_from(self, run: str, offset: int) -> bytes:
        """What the log of a run holds from there on."""
        from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
        from azure.storage.blob import BlobClient

        with told(f"reading the log of build {run}"):
            try:
                link = self._client.runs.get_log_sas_url(*self._at, run).log_link
                # Whoever asks looks again; the SDK would wait for 18 s and more before it did.
                blob = BlobClient.from_blob_url(str(link), retry_total=0)
                if blob.get_blob_properties().size <= offset:
                    return b""
                return bytes(blob.download_blob(offset=offset).readall())
            except ResourceNotFoundError:
                return b""  # not begun yet
            except HttpResponseError as error:
                if error.status_code == 416:  # it ends where we are
                    return b""
                raise

    def _look(self, name: str) -> dict[str, Any] | None:
        from azure.core.exceptions import ResourceNotFoundError

        with told(f"looking at build {name}"):
            try:
                return dict(self._client.task_runs.get(*self._at, name).as_dict())
            except ResourceNotFoundError:
                return None

    def _begin(self, name: str, request: Request, turn: int, watch: Watch) -> None:
        from azure.storage.blob import BlobClient

        with tempfile.TemporaryDirectory() as place:
            archive, asked = request(Path(place))
            watch(f"building the image: {archive.stat().st_size / 1e6:.0f} MB go to the registry")
            with told("uploading the image's context"), archive.open("rb") as file:
                source = self._client.registries.get_build_source_upload_url(*self._at)
                BlobClient.from_blob_url(str(source.upload_url)).upload_blob(file, overwrite=True)
        asked["sourceLocation"] = source.relative_path
        with told(f"starting build {name}"):
            self._client.task_runs.begin_create(
                *self._at, name,
                {"properties": {"runRequest": asked, "forceUpdateTag": str(turn)}}, polling=False,
            )  # fmt: skip


class _Log:
    """The log of a build as it grows: its steps are told, the rest is kept for bad news."""

    def __init__(self, builds: Builds, watch: Watch) -> None:
        self._builds, self._watch = builds, watch
        self._offset, self._rest = 0, b""
        self.lines: list[str] = []

    def told_with(self, seen: dict[str, Any] | None) -> dict[str, Any] | None:
        """Tell what is new, and hand ``seen`` on."""
        run = _run(seen or {}).get("runId")
        if run:
            new = self._builds.log_from(run, self._offset)
            self._offset += len(new)
            *lines, self._rest = (self._rest + new).split(b"\n")
            for line in lines:
                self.lines.append(line.decode(errors="replace").rstrip())
                if STEP.search(self.lines[-1]):
                    self._watch(self.lines[-1][:WIDTH])
        return seen


def _run(found: dict[str, Any]) -> dict[str, Any]:
    result = found.get("properties", {}).get("runResult") or {}
    return dict(result.get("properties") or {})


def _status(found: dict[str, Any]) -> str:
    """Of the run; one that never began has only the state of its resource."""
    state = found.get("properties", {}).get("provisioningState", "")
    return str(_run(found).get("status") or ("Failed" if state == "Failed" else state or ""))
