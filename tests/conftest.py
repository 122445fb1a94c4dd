"""What all tests share: the gate's mark, the sample, small data sets that are made on the spot."""

from __future__ import annotations

import io
import os
import signal
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from model.devices import before_tensorflow
from tests.spark_session import spark as spark

if TYPE_CHECKING:
    from tests.cloud.stand_in import StandIn

ROOT = Path(__file__).resolve().parent.parent
MODEL_TESTS = ROOT / "tests" / "model"
OUTSIDE = ("long", "spark")  # of the gate, which takes what a release takes, and no more

before_tensorflow()  # as the trainer does


OTHERS = (  # settings of a checkout, and what a build agent tells of itself
    "MLOPS_", "AZURE_", "DATABRICKS_", "MLFLOW_",
    "GITHUB_", "TF_BUILD", "BUILD_", "SYSTEM_", "AGENT_",
)  # fmt: skip


for name in ("NO_PROXY", "no_proxy"):  # what the tests ask lies on this machine
    os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1,localhost")))


def plain_environment(*also: str) -> dict[str, str]:
    """This process's environment without what its user's settings, or a build agent, put there."""
    return {k: v for k, v in os.environ.items() if not k.startswith((*OTHERS, *also))}


def pytest_configure() -> None:
    """Heed SIGINT: a background job has it ignored, and so has all that the tests start then."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test directly in tests/model joins the gate by being there, but for ``OUTSIDE``."""
    for item in items:
        outside = any(item.get_closest_marker(mark) for mark in OUTSIDE)
        if item.path.parent == MODEL_TESTS and not outside:
            item.add_marker(pytest.mark.gate)


@pytest.fixture(scope="session")
def sample() -> str:
    """The bundled data set."""
    return str(ROOT / "model" / "sample" / "fashion-mnist.parquet")


def picture(seed: int, *, height: int = 16, width: int = 16, channels: int = 1) -> Image.Image:
    """A picture of random blocks, so that no two are alike, also when they are scaled."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (8, 8, channels), np.uint8)
    image = Image.fromarray(coarse.squeeze() if channels == 1 else coarse)
    return image.resize((width, height), Image.Resampling.NEAREST)


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    """The bytes of an image file."""
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def bomb() -> bytes:
    """A small PNG whose header claims 2.5 billion pixels."""

    def part(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", b"")


def damaged_avif() -> bytes:
    """An AVIF file whose header is whole, with nothing but zeros for its picture."""
    data = encoded(picture(1, channels=3), "AVIF")
    start = data.index(b"mdat") + 4
    return data[:start] + bytes(len(data) - start)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two easy classes, dark and bright: 18 images of each for training, 6 for the test."""
    root = tmp_path_factory.mktemp("data") / "light"
    for label, base in (("dark", 0), ("bright", 150)):
        for number in range(24):
            pixels = np.asarray(picture(number + base)) // 3 + base
            place = root / ("test" if number % 4 == 3 else "train") / label
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(place / f"{number}.png")
    return root


@pytest.fixture(scope="session")
def model_folder(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder, made by the same program as any other."""
    from model.config import TrainConfig
    from model.train import train

    out = tmp_path_factory.mktemp("model") / "out"
    assert train(data=str(pictures), out=out, config=TrainConfig(epochs=6, batch_size=8)) == 0
    return out


MakeFolder = Callable[..., Path]


@pytest.fixture
def folder_of(tmp_path: Path) -> MakeFolder:
    """
    Make class folders of random pictures: ``folder_of(cat=12, dog=12)``.

    One image in four goes to test/, so ``cat=16`` means 12 for training and 4 for the test.
    """

    def make(name: str = "pictures", **images_by_label: int) -> Path:
        root = tmp_path / name
        for at, (label, count) in enumerate(images_by_label.items()):
            for number in range(count):
                split = "test" if number % 4 == 3 else "train"
                place = root / split / label
                place.mkdir(parents=True, exist_ok=True)
                picture(1000 * at + number).save(place / f"{number:04d}.png")
        return root

    return make


@pytest.fixture(scope="session")
def prefect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Prefect server for all tests of this process."""
    from flows.server import prefect_server

    listener = socket.create_server(("127.0.0.1", 0))
    with prefect_server(tmp_path_factory.mktemp("prefect"), listener, has_ui=False) as url:
        yield url


@pytest.fixture
def in_a_flow(prefect_url: str) -> Callable[..., Any]:
    """Call a function as the body of a flow run, and give its answer or its error."""
    from prefect import flow
    from prefect.settings import PREFECT_API_URL, temporary_settings

    def call(body: Callable[..., Any], *arguments: Any) -> Any:
        with temporary_settings({PREFECT_API_URL: prefect_url}):
            return flow(name="test", persist_result=False)(lambda: body(*arguments))()

    return call


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[StandIn]:
    """An empty cloud on this machine."""
    from tests.cloud.stand_in import StandIn

    with StandIn(tmp_path / "cloud") as made:
        yield made
