"""From a trained Keras model to the files of the model folder that decide its answers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.fit import CannotLearn
from model.folder import write_json
from model.scorer import Scorer

if TYPE_CHECKING:
    from keras import Model

LARGEST_GAP = 1e-4  # of a probability; single precision leaves about 1e-6
FLOAT, SERVED = "float.tflite", "model.tflite"
CALIBRATED_ON = 500  # training images: more change the ranges of a layer by little


def export(model: Model, out: Path, labels: tuple[str, ...]) -> None:
    """Write ``model.keras``, ``model.tflite`` (uint8 in, probabilities out) and ``labels.json``."""
    import tensorflow as tf

    model.save(out / "model.keras")
    with tempfile.TemporaryDirectory() as saved:
        model.export(saved, verbose=False)
        converted = tf.lite.TFLiteConverter.from_saved_model(saved).convert()
    (out / SERVED).write_bytes(converted)
    _, height, width, channels = model.input_shape
    described = {"labels": labels, "height": height, "width": width, "channels": channels}
    write_json(out / "labels.json", described)


def quantize(model: Model, out: Path, pixels: NDArray[np.uint8]) -> None:
    """
    Serve whole numbers of 8 bits instead: half the time a call, and nearly the same answers.

    The model in single precision stays as ``float.tflite``, for the gate compares the two.

    Args:
        pixels: those of ``calibrated_on``, shape (images, height, width, channels): the ranges of
            all layers are measured on them.

    Raises:
        CannotLearn: a layer cannot be computed in whole numbers.
    """
    import keras
    import tensorflow as tf

    # The converter quantizes the input itself, so it wants a network that takes real numbers.
    taken = keras.Input(model.input_shape[1:], dtype="float32")
    twin = keras.models.clone_model(model, input_tensors=taken)
    twin.set_weights(model.get_weights())
    with tempfile.TemporaryDirectory() as saved:
        twin.export(saved, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(saved)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _samples(pixels)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.float32
        try:
            converted = converter.convert()
        except (RuntimeError, ValueError) as error:
            raise CannotLearn(
                f"this network cannot be quantized: {str(error).splitlines()[0]}; "
                "leave out --quantize, or the layer that it names"
            ) from error
    (out / SERVED).replace(out / FLOAT)
    (out / SERVED).write_bytes(converted)


def calibrated_on(images: int) -> list[int]:
    """Which of that many training images quantization looks at."""
    return [int(at) for at in np.linspace(0, images - 1, min(CALIBRATED_ON, images))]


def _samples(pixels: NDArray[np.uint8]) -> Iterator[list[NDArray[Any]]]:
    """One image a time; the first two are black and white, so that an intensity stays itself."""
    shape = pixels.shape[1:]
    yield [np.zeros((1, *shape), np.float32)]
    yield [np.full((1, *shape), 255, np.float32)]
    for image in pixels:
        yield [image[None].astype(np.float32)]


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
