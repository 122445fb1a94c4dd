"""From a trained Keras model to the files of the model folder that decide its answers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.fit import CannotLearn
from model.folder import write_json
from model.scorer import Scorer

if TYPE_CHECKING:
    from keras import Model

LARGEST_GAP = 1e-4  # of a probability; single precision leaves about 1e-6


def export(model: Model, out: Path, labels: tuple[str, ...]) -> None:
    """Write ``model.keras``, ``model.tflite`` (uint8 in, probabilities out) and ``labels.json``."""
    import tensorflow as tf

    model.save(out / "model.keras")
    with tempfile.TemporaryDirectory() as saved:
        model.export(saved, verbose=False)
        converted = tf.lite.TFLiteConverter.from_saved_model(saved).convert()
    (out / "model.tflite").write_bytes(converted)
    _, height, width, channels = model.input_shape
    described = {"labels": labels, "height": height, "width": width, "channels": channels}
    write_json(out / "labels.json", described)


def largest_gap(model: Model, out: Path, pixels: NDArray[np.uint8]) -> float:
    """
    Largest difference between a probability of Keras and one of LiteRT, on some images.

    Raises:
        CannotLearn: it is above ``LARGEST_GAP``: what would be served is another model.
    """
    trained = np.asarray(model(pixels, training=False))
    gap = float(np.abs(trained - Scorer(out).predict(pixels)).max())
    if not gap <= LARGEST_GAP:  # so that NaN is refused too
        raise CannotLearn(
            f"the exported model.tflite answers otherwise than the trained network: a probability "
            f"differs by {gap:.2g}, at most {LARGEST_GAP:g}; look for a layer that LiteRT lacks"
        )
    return gap
