"""The sides of ``python -m benchmarks.serve``: how each is started, and how it is asked."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.results import ROOT

RIVALS = ROOT / "benchmarks" / "rivals"
LOCKS = ROOT / "benchmarks" / "requirements"
OURS = ROOT / "infra" / "requirements" / "serve.txt"

Body = Callable[[Sequence[bytes]], bytes]


def as_json(images: Sequence[bytes]) -> bytes:
    """As our API and the rivals written here take images."""
    texts = [base64.b64encode(image).decode() for image in images]
    return json.dumps({"data": texts[0]} if len(texts) == 1 else {"images": texts}).encode()


def as_dataframe(images: Sequence[bytes]) -> bytes:
    """As MLflow's server takes them."""
    rows = [[base64.b64encode(image).decode()] for image in images]
    return json.dumps({"dataframe_split": {"columns": ["data"], "data": rows}}).encode()


@dataclass(frozen=True)
class Side:
    """
    One server.

    Attributes:
        lock: requirements of its environment.
        command: its words after the Python; ``{port}``, ``{model}`` and ``{room}`` are filled in.
        model: which folder it serves: ``float`` or ``int8``.
    """

    name: str
    lock: Path
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    path: str = "/score"
    body: Body = as_json
    model: str = "float"


def _azml(name: str, script: str) -> Side:
    command = (str(RIVALS / "azml_loopback.py"), "--entry_script", str(RIVALS / script),
               "--model_dir", "{model}", "--port", "{port}", "--worker_count", "1")  # fmt: skip
    return Side(name, LOCKS / f"{Path(script).stem.replace('_', '-')}.txt", command)


def _fastapi(name: str, module: str) -> Side:
    command = ("-m", "uvicorn", "--app-dir", str(RIVALS), f"{module}:app", "--port", "{port}",
               "--no-access-log")  # fmt: skip
    lock = LOCKS / f"{module.replace('_', '-')}.txt"
    return Side(name, lock, command, {"MODEL_FOLDER": "{model}"})


OURS_COMMAND = ("--model", "{model}", "--port", "{port}", "--access-log", "{room}/access.log")
BASE = "azml + keras.predict"
SIDES = (
    Side("ours", OURS, ("-m", "model.serve", *OURS_COMMAND)),
    Side("ours, int8", OURS, ("-m", "model.serve", *OURS_COMMAND), model="int8"),
    Side("ours, null model", OURS, ("-m", "benchmarks.rivals.null_service", *OURS_COMMAND)),
    _fastapi("FastAPI + ONNX Runtime", "fastapi_onnx"),
    _fastapi("FastAPI + tf.function", "fastapi_tf"),
    _azml("azml + LiteRT", "azml_litert.py"),
    _azml(BASE, "azml_keras.py"),
    Side(
        "MLflow + keras.predict", LOCKS / "mlflow.txt",
        (str(RIVALS / "mlflow_server.py"), "{port}", "{room}/mlflow-model"),
        {"MODEL_FOLDER": "{model}", "MLFLOW_DISABLE_TELEMETRY": "true"},
        path="/invocations", body=as_dataframe,
    ),
)  # fmt: skip
