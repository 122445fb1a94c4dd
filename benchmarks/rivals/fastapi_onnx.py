"""FastAPI with ONNX Runtime: what is often called the fast way."""

import base64
import io
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from fastapi import FastAPI, Request
from PIL import Image

folder = Path(os.environ["MODEL_FOLDER"])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
labels = json.loads((folder / "labels.json").read_text())["labels"]
app = FastAPI()


@app.post("/score")
async def score(request: Request):
    asked = await request.json()
    texts = asked["images"] if "images" in asked else [asked["data"]]
    pixels = np.stack(
        [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in texts]
    )[..., None]
    (rows,) = session.run(None, {"image": pixels})
    return [
        {"label": labels[int(row.argmax())], "probabilities": [float(p) for p in row]}
        for row in rows
    ]
