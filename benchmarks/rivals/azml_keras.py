"""Azure ML's inference server with keras.predict, as its tutorials have it."""

import base64
import io
import json
import os
from pathlib import Path

import keras
import numpy as np
from PIL import Image


def init():
    global model, labels
    folder = Path(os.environ["AZUREML_MODEL_DIR"])
    model = keras.models.load_model(folder / "model.keras")
    labels = json.loads((folder / "labels.json").read_text())["labels"]


def run(raw):
    asked = json.loads(raw)
    texts = asked["images"] if "images" in asked else [asked["data"]]
    pixels = np.stack(
        [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in texts]
    )[..., None]
    rows = model.predict(pixels, verbose=0)
    return [
        {"label": labels[int(row.argmax())], "probabilities": [float(p) for p in row]}
        for row in rows
    ]
