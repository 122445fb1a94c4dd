"""The image that was built answers every test image as the evaluation did, before it was there."""

from __future__ import annotations

import base64
import hashlib
import io
import os
from pathlib import Path

import httpx
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from model.config import TrainConfig
from model.folder import ModelFolder
from model.images import RawImage, open_images
from model.train import train
from tasks.backends.azure.clients import Clients
from tasks.backends.azure.containers.settings import read_serving
from tasks.backends.azure.endpoints import open_endpoints
from tasks.records import ModelVersion
from tasks.replay import LARGEST_GAP
from tests.cloud.parts import reached
from tests.conftest import ROOT
from tests.flows.conftest import SELDOM
from tests.infra.engine import require_tools

IDX = Path("/usr/share/datasets/fashion-mnist")  # Debian's package dataset-fashion-mnist
SAMPLE = ROOT / "model" / "sample" / "fashion-mnist.parquet"
TOGETHER = 25  # images in one request
pytestmark = [pytest.mark.cloud, pytest.mark.image, pytest.mark.timeout(900)]


@pytest.mark.parametrize(
    ("data", "count"), [(SAMPLE, 1000), SELDOM(IDX, 10_000, id="the whole of Fashion-MNIST")]
)
def test_every_test_image_is_answered_as_in_the_evaluation(tmp_path, data, count):
    require_tools()
    out = tmp_path / "model"
    assert train(data=str(data), out=out, config=TrainConfig(epochs=2)) == 0
    folder = ModelFolder.read(out)
    labels = [str(label) for label in folder.labels]
    expected = {
        row["sha256"]: dict(zip(labels, row["probabilities"], strict=True))
        for row in parquet.read_table(out / "predictions.parquet").to_pylist()
    }
    version = ModelVersion("sample", 1, folder.digest, out, {"verdict_key": "v"})

    with reached(tmp_path / "cloud", serves=True) as cloud:
        serving = read_serving()
        assert serving
        endpoints = open_endpoints(Clients.open(), serving, tmp_path)[0]
        url = endpoints.deploy(version, None, print).url
        answered = asked(url, str(cloud.bundle), images_of(str(data)))
    cloud.forget()

    assert answered.keys() == expected.keys()
    gaps = [
        abs(probability - expected[image][label])
        for image, top in answered.items() for label, probability in top.items()
    ]  # fmt: skip
    print(f"{len(answered)} images, largest gap {max(gaps):.2g}")
    assert len(answered) == count
    assert max(gaps) <= LARGEST_GAP
    assert {max(top, key=lambda label: top[label]) for top in answered.values()} == set(labels)


def images_of(uri: str) -> dict[str, bytes]:
    """Digest, as the evaluation noted it, → a file that the service takes."""
    chunks = open_images(uri).chunks()
    raw = [image for chunk in chunks for image in chunk.read("test")]
    return {hashlib.sha256(each.data).hexdigest(): as_file(each) for each in raw}


def as_file(image: RawImage) -> bytes:
    if not image.raw_shape:
        return image.data  # it is one
    file = io.BytesIO()
    Image.frombytes("L", image.raw_shape[1::-1], image.data).save(file, "PNG")
    return file.getvalue()


def asked(url: str, bundle: str, images: dict[str, bytes]) -> dict[str, dict[str, float]]:
    """Digest of an image → label → probability, of the most probable labels."""
    key = os.environ["MLOPS_ENDPOINT_KEYS"]
    found = {}
    with httpx.Client(verify=bundle, headers={"Authorization": f"Bearer {key}"}) as client:
        digests = list(images)
        for at in range(0, len(digests), TOGETHER):
            some = digests[at : at + TOGETHER]
            sent = {"images": [base64.b64encode(images[each]).decode() for each in some]}
            said = client.post(f"{url}/score", json=sent).raise_for_status()
            for digest, told in zip(some, said.json()["predictions"], strict=True):
                found[digest] = {each["label"]: each["probability"] for each in told["top"]}
    return found
