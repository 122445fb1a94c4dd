"""Fashion-MNIST from its IDX files, and the line of JSON that each side ends with."""

import gzip
import json
import time
from pathlib import Path

import numpy as np

BATCH, RATE = 64, 1e-3


def load(folder):
    """(training images, labels, test images, labels): uint8 (n, 28, 28, 1) and int32."""
    found = []
    for part in ("train", "t10k"):
        for kind in ("images-idx3", "labels-idx1"):
            data = gzip.decompress(Path(folder, f"{part}-{kind}-ubyte.gz").read_bytes())
            shape = [int.from_bytes(data[4 + 4 * n : 8 + 4 * n], "big") for n in range(data[3])]
            found.append(np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape))
    images, labels, test, truth = found
    return images[..., None], labels.astype("int32"), test[..., None], truth.astype("int32")


def measure(epochs, train, accuracy, images):
    """Run the epochs; seconds count training only."""
    told = {"seconds": [], "accuracy": [], "images_per_s": []}
    total = 0.0
    for epoch in range(epochs):
        began = time.perf_counter()
        train(epoch)
        seconds = time.perf_counter() - began
        total += seconds
        told["seconds"].append(round(total, 2))
        told["images_per_s"].append(round(images / seconds))
        told["accuracy"].append(round(float(accuracy()), 4))
    print(json.dumps(told))
