"""Turn ``model.keras`` of a model folder into ``model.onnx``."""

import sys
from pathlib import Path

import keras
import tensorflow as tf
import tf2onnx

folder = Path(sys.argv[1])
network = keras.models.load_model(folder / "model.keras")
taken = [tf.TensorSpec((None, *network.input_shape[1:]), tf.uint8, name="image")]
tf2onnx.convert.from_function(
    tf.function(lambda image: network(image, training=False), input_signature=taken),
    input_signature=taken, opset=17, output_path=str(folder / "model.onnx"),
)  # fmt: skip
