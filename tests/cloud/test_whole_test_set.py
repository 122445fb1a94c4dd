"""The image that was built answers every test image as the evaluation did, before it was there."""

from __future__ import annotations

import base64
import hashlib
import os

import httpx
import pyarrow.parquet as parquet
import pytest

from model.config import TrainConfig
from model.folder import ModelFolder
from model.train import train
from tasks.backends.azure.clients import Clients
from tasks.backends.azure.containers.settings import read_serving
from tasks.backends.azure.endpoints import open_endpoints
from tasks.records import ModelVersion
from tasks.replay import LARGEST_GAP
from tests.cloud.parts import reached
from tests.conftest import ROOT
from tests.infra.engine import require_tools

SAMPLE = ROOT / "model" / "sample" / "fashion-mnist.parquet"
TOGETHER = 25  # images in one request
pytestmark = [pytest.mark.cloud, pytest.mark.image, pytest.mark.timeout(900)]


def test_every_test_image_is_answered_as_in_the_evaluation(tmp_path):
    require_tools()
    out = tmp_path / "model"
    assert train(data=str(SAMPLE), out=out, config=TrainConfig(epochs=2)) == 0
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
        answered = asked(url, str(cloud.bundle), sent_images())
    cloud.forget()

    assert answered.keys() == expected.keys()
    gaps = [
        abs(probability - expected[image][label])
        for image, top in answered.items() for label, probability in top.items()
    ]  # fmt: skip
    print(f"{len(answered)} images, largest gap {max(gaps):.2g}")
    assert len(answered) == 1000
    assert max(gaps) <= LARGEST_GAP
    assert {max(top, key=lambda label: top[label]) for top in answered.values()} == set(labels)


def sent_images() -> list[bytes]:
    rows = parquet.read_table(SAMPLE).to_pylist()
    return [row["image"]["bytes"] for row in rows if row["split"] == "test"]


def asked(url: str, bundle: str, images: list[bytes]) -> dict[str, dict[str, float]]:
    """Digest of an image → label → probability, of the most probable labels."""
    key = os.environ["MLOPS_ENDPOINT_KEYS"]
    found = {}
    with httpx.Client(verify=bundle, headers={"Authorization": f"Bearer {key}"}) as client:
        for at in range(0, len(images), TOGETHER):
            some = images[at : at + TOGETHER]
            sent = {"images": [base64.b64encode(each).decode() for each in some]}
            said = client.post(f"{url}/score", json=sent).raise_for_status()
            for image, told in zip(some, said.json()["predictions"], strict=True):
                digest = hashlib.sha256(image).hexdigest()
                found[digest] = {each["label"]: each["probability"] for each in told["top"]}
    return found
