"""One build that really builds: a context unpacked, buildah run, its log told as it grows."""

from __future__ import annotations

import re
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.infra.engine import Engine

TELL_S = 0.5  # between two writes of the log
COLOURS = re.compile(rb"\x1b\[[0-9;]*m")
HIDDEN = b"***"


class Building:
    """
    Args:
        request: a DockerBuildRequest.
        archive: its context, as tar.gz.
        name: of the image that comes of it.
        tell: takes the whole log, whenever it has grown.
    """

    def __init__(
        self, engine: Engine, request: dict[str, Any], archive: bytes, name: str,
        tell: Callable[[bytes], None],
    ) -> None:  # fmt: skip
        self._engine, self._request, self._archive = engine, request, archive
        self._name, self._tell = name, tell
        self._log, self._told_s = b"", 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = threading.Event()

    def run(self, line: str = "") -> int:
        """
        Build; the exit code.

        Args:
            line: put at the end of the Dockerfile.
        """
        with tempfile.TemporaryDirectory() as place:
            try:
                dockerfile = self._unpack(Path(place), line)
            except (OSError, tarfile.TarError) as error:
                self.say(f"failed to download context: {type(error).__name__}: {error}\n")
                return 1
            return self._buildah(Path(place) / "context", dockerfile)

    def say(self, line: str) -> None:
        """A line of the log, and all of it told."""
        self._log += line.encode()
        self._tell(self._log)

    def cancel(self) -> None:
        """End it."""
        self._is_over.set()
        if self._process:
            self._process.terminate()

    def _unpack(self, place: Path, line: str) -> Path:
        archive = place / "source.tar.gz"
        archive.write_bytes(self._archive)
        with tarfile.open(archive) as file:
            # By attribute: Python 3.11.3 and before, such as Debian's, know no argument for it.
            file.extraction_filter = getattr(tarfile, "data_filter", None)
            file.extractall(place / "context")  # noqa: S202 (our own archive)
        dockerfile = place / "context" / str(self._request["dockerFilePath"])
        if line:
            dockerfile.write_text(f"{dockerfile.read_text()}\n{line}\n")
        if not dockerfile.exists():
            raise FileNotFoundError(f"no {self._request['dockerFilePath']} in the context")
        return dockerfile

    def _buildah(self, context: Path, dockerfile: Path) -> int:
        asked, platform = self._request, self._request["platform"]
        on = f"{platform['os'].lower()}/{platform.get('architecture', 'amd64')}"
        words = ["buildah", "build", "--pull-never", "--platform", on, "--tag", self._name,
                 "--file", str(dockerfile)]  # fmt: skip
        if asked.get("target"):
            words += ["--target", asked["target"]]
        # Agents in Azure begin from nothing; here the second build of a test shall take seconds.
        words += ["--no-cache"] if asked.get("noCache") else ["--layers"]
        secrets = []
        for each in asked.get("arguments") or []:
            words += ["--build-arg", f"{each['name']}={each['value']}"]
            if each.get("isSecret"):
                secrets.append(each["value"].encode())
        with subprocess.Popen(
            [*words, str(context)], env=self._engine.whole_environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process:  # fmt: skip
            self._process = process
            if self._is_over.is_set():
                process.terminate()
            assert process.stdout
            for line in process.stdout:
                self._heard(line, secrets)
        self._tell(self._log)
        return process.returncode

    def _heard(self, line: bytes, secrets: list[bytes]) -> None:
        line = COLOURS.sub(b"", line)
        for secret in secrets:
            line = line.replace(secret, HIDDEN)
        self._log += line
        if time.monotonic() > self._told_s + TELL_S:
            self._told_s = time.monotonic()
            self._tell(self._log)
