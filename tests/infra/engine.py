"""podman and buildah as the tests use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

BIN = str(Path(sys.executable).parent)
CONFINED = (
    "--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges",
    "--cpus=1", "--memory=512m",
)  # fmt: skip


def run(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [str(word) for word in words]
    everything = {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=everything, capture_output=True, text=True)


@dataclass(frozen=True)
class Container:
    """A container that runs; ``port`` is what its service said."""

    name: str
    port: int


@dataclass(frozen=True)
class Engine:
    """podman and buildah, on a storage of their own: nothing of the user's is seen or touched."""

    environment: dict[str, str]

    def __call__(self, *words: object) -> str:
        """Run podman; answer its output."""
        done = self.tried(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout.strip()

    def tried(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run podman, whatever comes of it."""
        return run("podman", *words, **self.environment)

    def inspected(self, image: str) -> dict[str, Any]:
        return json.loads(self("image", "inspect", image))[0]

    def python(
        self, image: str, code: str, *words: str, network: str = "--network=none"
    ) -> subprocess.CompletedProcess[str]:
        """Run some Python in a container of its own."""
        options = ("--rm", "--no-healthcheck", network, *CONFINED, "--entrypoint=python3")
        return self.tried("run", *options, image, "-c", code, *words)

    @contextmanager
    def serving(
        self, image: str, *options: str, words: tuple[str, ...] = ()
    ) -> Iterator[Container]:
        """A confined container that has said on which port it serves."""
        name = self("run", "-d", "--no-healthcheck", *CONFINED, *options, image, *words)
        try:
            deadline = time.monotonic() + 60
            while not (lines := self("logs", name).splitlines()):
                assert time.monotonic() < deadline, "the container said nothing"
                time.sleep(0.1)
            yield Container(name, json.loads(lines[0])["port"])
        finally:
            self("rm", "--force", "--time=5", name)
