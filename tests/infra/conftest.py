"""The image, really built on a base made here, and containers of it, really run."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.infra.engine import BIN, Engine, run

HERE = Path(__file__).parent
TOOLS = ("buildah", "podman", "runc", "debootstrap")


@pytest.fixture(scope="session")
def engine(tmp_path_factory) -> Iterator[Engine]:
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing or os.geteuid() != 0:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say(f"a real image is built and run, as root: apt-get install {' '.join(TOOLS)}")
    place = tmp_path_factory.mktemp("containers")
    (place / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{place}/root"\nrunroot = "{place}/run"\n'
    )
    runtime = "/usr/sbin/runc" if _may_raise_limits() else HERE / "no_rlimits" / "runc"
    manager = "systemd" if Path("/run/systemd/system").exists() else "cgroupfs"
    (place / "containers.conf").write_text(
        f'[engine]\nruntime = "runc"\ncgroup_manager = "{manager}"\nevents_logger = "file"\n'
        f'[engine.runtimes]\nrunc = ["{runtime}"]\n'
    )
    yield Engine({
        "CONTAINERS_STORAGE_CONF": str(place / "storage.conf"),
        "CONTAINERS_CONF": str(place / "containers.conf"),
        "BUILDAH_ISOLATION": "chroot",  # enough for the steps of a build
    })  # fmt: skip
    shutil.rmtree(place)  # a gigabyte


def _may_raise_limits() -> bool:
    """Whether this process has CAP_SYS_RESOURCE, number 24."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (mask,) = re.findall(r"^CapEff:\s*(\w+)", status, re.MULTILINE)
    return bool(int(mask, 16) >> 24 & 1)


@pytest.fixture(scope="session")
def base(engine, tmp_path_factory) -> str:
    """A slim image with Python and pip, by digest, of Debian's packages: no registry is needed."""
    place = tmp_path_factory.mktemp("base")
    packages = "--include=python3,python3-pip,python3-venv,ca-certificates"
    done = run("debootstrap", "--variant=minbase", packages, "bookworm", place / "debian")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    archive = place / "debian.tar"
    run("tar", "-C", place / "debian", "--exclude=./var/cache/apt/*", "-cf", archive, ".")
    engine("import", "--quiet", archive, "localhost/base:bookworm")
    shutil.rmtree(place)
    digest = engine("image", "inspect", "localhost/base:bookworm", "--format={{.Digest}}")
    return f"localhost/base@{digest}"


@dataclass(frozen=True)
class Built:
    """What ``infra/build-image`` made."""

    id: str
    contents: Path


Build = Callable[..., Built]


@pytest.fixture(scope="session")
def build(engine, base, model_folder, tmp_path_factory) -> Build:
    """Build the image: ``build(FORMAT="oci")``."""

    def built(**settings: str) -> Built:
        settings |= {"BIN": BIN, "IMAGES": str(tmp_path_factory.mktemp("images"))}
        settings |= engine.environment
        done = run("infra/build-image", model_folder, base, **settings)
        assert done.returncode == 0, done.stdout + done.stderr
        said = dict(line.split() for line in done.stdout.splitlines())
        return Built(said["digest"].removeprefix("sha256:"), Path(said["contents"]))

    return built


@pytest.fixture(scope="session")
def built(build) -> Built:
    return build()


@pytest.fixture(scope="session")
def image(built) -> str:
    return built.id
