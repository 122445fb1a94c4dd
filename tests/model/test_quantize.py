"""Whole numbers instead of real ones: nearly the same answers, and both are kept to compare."""

from __future__ import annotations

import numpy as np
import pytest

from model.config import TrainConfig
from model.folder import ModelFolder
from model.images import open_images
from model.score import images_of, pixels_of
from model.scorer import Scorer

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def quantized(pictures, tmp_path_factory):
    from model.train import train

    out = tmp_path_factory.mktemp("quantized") / "out"
    config = TrainConfig(epochs=6, batch_size=8, quantize="int8")
    assert train(data=str(pictures), out=out, config=config) == 0
    return ModelFolder.read(out)


def test_it_answers_nearly_as_before(quantized, pictures):
    images = images_of(open_images(str(pictures)), "test")
    pixels = np.stack([pixels_of(image, quantized.shape) for image in images])

    ours = Scorer(quantized.path).predict(pixels)
    before = Scorer(quantized.path, file="float.tflite").predict(pixels)

    np.testing.assert_array_equal(ours.argmax(axis=1), before.argmax(axis=1))
    assert 0 < np.abs(ours - before).max() < 0.1
    np.testing.assert_allclose(ours.sum(axis=1), 1, atol=0.02)


def test_both_are_measured_on_every_test_image_and_kept(quantized):
    assert quantized.metrics["float"] == {"accuracy": 1.0, "agreement": 1.0}
    assert "float.tflite" in quantized.manifest["files"]
    quantized.verify()


def test_no_layer_computes_in_real_numbers_but_the_last(quantized):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(quantized.path / "model.tflite"))
    interpreter.allocate_tensors()
    kinds = [tensor["dtype"] for tensor in interpreter.get_tensor_details() if tensor["name"]]

    assert kinds.count(np.float32) <= 1
    assert interpreter.get_input_details()[0]["quantization"] == (1.0, 0)
