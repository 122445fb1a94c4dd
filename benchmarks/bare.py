"""The commands that a release is made of, without one: what a person would run by hand."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path


def check(data: str, out: str) -> None:
    """Judge the images."""
    from data_checks.check import check_images
    from data_checks.limits import Limits
    from model.images import open_images

    images = open_images(data)
    report = check_images(
        images.chunks(), labels=images.labels, limits=Limits.beside(data), out=Path(out)
    )
    if not report.passed:
        sys.exit("the images were refused")


def register(model: str, tracking: str) -> None:
    """Number the model in MLflow's registry."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=tracking)
    client.create_registered_model("bare")
    version = client.create_model_version("bare", source=Path(model).as_uri())
    client.set_registered_model_alias("bare", "champion", version.version)


def deploy(model: str, room: str) -> None:
    """Start the service, ask it about the known images, stop it."""
    import httpx
    import pyarrow.parquet as parquet

    ready = Path(room, "ready.json")
    command = [sys.executable, "-m", "model.serve", "--model", model, "--port", "0",
               "--ready-file", str(ready)]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while not ready.exists():
            time.sleep(0.01)
        url = f"http://127.0.0.1:{json.loads(ready.read_text())['port']}/score"
        for row in parquet.read_table(Path(model, "replay.parquet")).to_pylist():
            kind = {"Content-Type": "image/png"}
            httpx.post(url, content=row["image"], headers=kind).raise_for_status()
        process.terminate()


COMMANDS = {"check": check, "register": register, "deploy": deploy}

if __name__ == "__main__":
    name, *words = sys.argv[1:]
    COMMANDS[name](*words)
