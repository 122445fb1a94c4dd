"""podman and buildah as the tests use them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

HERE = Path(__file__).parent
TOOLS = ("buildah", "podman", "runc", "debootstrap", "nsenter")
DEBIAN = ROOT / ".venv" / "base" / "debian.tar"  # made once: the minute that it takes is saved
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

    def whole_environment(self) -> dict[str, str]:
        """Of a process that shall work on the same storage."""
        return {**os.environ, **self.environment}

    def inspected(self, image: str) -> Any:
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


def lacking() -> str:
    """What keeps this machine from building and running images, with the way out; or nothing."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return f"{', '.join(missing)} missing: apt-get install buildah podman runc debootstrap"
    return "" if os.geteuid() == 0 else "it takes root: sudo"


def require_tools() -> None:
    """Skip a test where images cannot run; in CI, where all is installed, that is a failure."""
    if why := lacking():
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say(f"real images are built and run: {why}")


def opened(place: Path) -> Engine:
    """An engine whose storage is in ``place``; what was there is there again."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{place}/root"\nrunroot = "{place}/run"\n'
    )
    runtime = "/usr/sbin/runc" if _may_raise_limits() else HERE / "no_rlimits" / "runc"
    manager = "systemd" if Path("/run/systemd/system").exists() else "cgroupfs"
    (place / "containers.conf").write_text(
        f'[engine]\nruntime = "runc"\ncgroup_manager = "{manager}"\nevents_logger = "file"\n'
        f'[engine.runtimes]\nrunc = ["{runtime}"]\n'
    )
    return Engine({
        "CONTAINERS_STORAGE_CONF": str(place / "storage.conf"),
        "CONTAINERS_CONF": str(place / "containers.conf"),
        "BUILDAH_ISOLATION": "chroot",  # enough for the steps of a build
    })  # fmt: skip


def base_of(engine: Engine) -> str:
    """A slim image with Python and pip, by digest; made of Debian's packages if it is not there."""
    name = "localhost/base:bookworm"
    if engine.tried("image", "exists", name).returncode:
        engine("import", "--quiet", _debian(), name)
    digest = engine("image", "inspect", name, "--format={{.Digest}}")
    return f"localhost/base@{digest}"


def fetch_wheels() -> None:
    """Let uv have the packages of the service at hand: a stand-in's proxy lets nobody out."""
    with tempfile.TemporaryDirectory() as place:
        done = run(
            f"{BIN}/uv", "pip", "install", "--quiet", "--python", f"{BIN}/python",
            "--target", place, "--python-version", "3.11",
            "--python-platform", "x86_64-manylinux_2_28",
            "--require-hashes", "--only-binary", ":all:", "--link-mode", "copy",
            "--requirements", "infra/requirements/serve.txt",
        )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _debian() -> Path:
    if DEBIAN.exists():
        return DEBIAN
    DEBIAN.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=DEBIAN.parent))
    packages = "--include=python3,python3-pip,python3-venv,ca-certificates"
    done = run("debootstrap", "--variant=minbase", packages, "bookworm", place / "debian")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    draft = place / "debian.tar"
    run("tar", "-C", place / "debian", "--exclude=./var/cache/apt/*", "-cf", draft, ".")
    draft.rename(DEBIAN)
    shutil.rmtree(place)
    return DEBIAN


def _may_raise_limits() -> bool:
    """Whether this process has CAP_SYS_RESOURCE, number 24."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (mask,) = re.findall(r"^CapEff:\s*(\w+)", status, re.MULTILINE)
    return bool(int(mask, 16) >> 24 & 1)
