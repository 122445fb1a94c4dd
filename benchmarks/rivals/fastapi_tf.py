"""FastAPI with a compiled TensorFlow function: what a careful user writes."""

import base64
import io
import json
import os
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from fastapi import FastAPI, Request
from PIL import Image

folder = Path(os.environ["MODEL_FOLDER"])
network = keras.models.load_model(folder / "model.keras")
labels = json.loads((folder / "labels.json").read_text())["labels"]
app = FastAPI()


@tf.function(input_signature=[tf.TensorSpec((None, *network.input_shape[1:]), tf.uint8)])
def predict(pixels):
    return network(pixels, training=False)


@app.post("/score")
async def score(request: Request):
    asked = await request.json()
    texts = asked["images"] if "images" in asked else [asked["data"]]
    pixels = np.stack(
        [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in texts]
    )[..., None]
    return [
        {"label": labels[int(row.argmax())], "probabilities": [float(p) for p in row]}
        for row in predict(tf.constant(pixels)).numpy()
    ]
