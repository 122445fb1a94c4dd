"""The image, really built on a base made here, and containers of it, really run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cloud.deployments.empty_estate import empty_estate
from tests.cloud.deployments.estate import Estate
from tests.cloud.deployments.runs import Runs
from tests.infra.engine import BIN, Engine, base_of, opened, require_tools, run


@pytest.fixture(scope="session")
def engine(tmp_path_factory) -> Iterator[Engine]:
    require_tools()
    place = tmp_path_factory.mktemp("containers")
    yield opened(place)
    shutil.rmtree(place)  # a gigabyte


@pytest.fixture(scope="session")
def base(engine) -> str:
    """A slim image with Python and pip, by digest, of Debian's packages: no registry is needed."""
    return base_of(engine)


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


@pytest.fixture
def estate() -> Estate:
    """Two resource groups with nothing in them."""
    return empty_estate()


@pytest.fixture
def runs(estate) -> Runs:
    """Deployments into it."""
    return Runs(estate)
