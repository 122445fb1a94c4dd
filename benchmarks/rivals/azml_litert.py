"""Azure ML's inference server with LiteRT: its lighter variant."""

import base64
import io
import json
import os
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image


def init():
    global model, taken, given, labels
    folder = Path(os.environ["AZUREML_MODEL_DIR"])
    model = Interpreter(model_path=str(folder / "model.tflite"), num_threads=1)
    taken = model.get_input_details()[0]["index"]
    given = model.get_output_details()[0]["index"]
    labels = json.loads((folder / "labels.json").read_text())["labels"]


def run(raw):
    asked = json.loads(raw)
    texts = asked["images"] if "images" in asked else [asked["data"]]
    pixels = np.stack(
        [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in texts]
    )[..., None]
    model.resize_tensor_input(taken, pixels.shape)
    model.allocate_tensors()
    model.set_tensor(taken, pixels)
    model.invoke()
    return [
        {"label": labels[int(row.argmax())], "probabilities": [float(p) for p in row]}
        for row in model.get_tensor(given)
    ]
