"""MLflow's scoring server with a model of ours in it, as `mlflow models serve` starts it."""

import base64
import io
import json
import os
import sys
from pathlib import Path

import mlflow
import numpy as np
from PIL import Image


class Classifier(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        import keras

        folder = Path(os.environ["MODEL_FOLDER"])
        self.model = keras.models.load_model(folder / "model.keras")
        self.labels = json.loads((folder / "labels.json").read_text())["labels"]

    def predict(self, context, model_input, params=None):
        pixels = np.stack(
            [np.asarray(Image.open(io.BytesIO(base64.b64decode(t)))) for t in model_input["data"]]
        )[..., None]
        rows = self.model.predict(pixels, verbose=0)
        return [
            {"label": self.labels[int(row.argmax())], "probabilities": [float(p) for p in row]}
            for row in rows
        ]


if __name__ == "__main__":
    port, place = sys.argv[1:]
    if not Path(place).exists():
        mlflow.pyfunc.save_model(place, python_model=Classifier(), pip_requirements=[])
    import uvicorn
    from mlflow.pyfunc.scoring_server import init

    uvicorn.run(
        init(mlflow.pyfunc.load_model(place)), host="127.0.0.1", port=int(port),
        log_level="warning",
    )  # fmt: skip
