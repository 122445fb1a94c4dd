"""What a model folder holds beside the model: predictions, metrics, pictures, card, manifest."""

from __future__ import annotations

import base64
import importlib.metadata
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model import plots
from model.arrays import TrainingImages
from model.card import model_card
from model.checkpoint import Progress
from model.config import TrainConfig
from model.evaluate import Evaluation, confusion, evaluate
from model.export import FLOAT, calibrated_on, export, largest_gap, quantize
from model.folder import ModelFolder, write_json, write_manifest
from model.images import ImageSet, RawImage
from model.score import as_file, images_of, pixels_of, score_images

if TYPE_CHECKING:
    import pyarrow as arrow
    from keras import Model

REPLAYED = 64  # known images, which a service must answer as here before it goes live
EXAMPLES, MOST_EXAMPLE_BYTES = 12, 100_000
COMPARED = 256  # images on which Keras and LiteRT must agree
PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "numpy", "pillow")


def write_report(
    model: Model,
    progress: Progress,
    images: ImageSet,
    arrays: TrainingImages,
    config: TrainConfig,
    out: Path,
    *,
    digest: str,
    seconds: float,
    facts: dict[str, object],
) -> ModelFolder:
    """
    Complete the model folder ``out``; its manifest is written last.

    Args:
        digest: of ``images``.
        seconds: that training took.
        facts: more of them for the manifest.

    Raises:
        CannotLearn: the exported model answers otherwise than the trained one.
    """
    import pyarrow.parquet as parquet

    export(model, out, images.labels)
    gap = largest_gap(model, out, arrays.some(range(min(COMPARED, arrays.train_images))))
    if config.quantize != "none":
        quantize(model, out, arrays.some(calibrated_on(arrays.train_images)))
    table = score_images(out, images)
    found = evaluate(table, images.labels)
    numbers: dict[str, Any] = {
        "accuracy": found.accuracy,
        "loss": found.loss,
        "recall": found.recall,
        "test_images": len(found.truth),
        "train_images": arrays.train_images,
        "epochs": progress.history,
        "best_epoch": progress.best_epoch,
        "train_seconds": seconds,
        "keras_tflite_max_gap": gap,
    }
    if config.quantize != "none":
        numbers["float"] = _beside_float(table, images, out)
    parquet.write_table(table, out / "predictions.parquet")
    write_json(out / "metrics.json", numbers)
    _draw(found, progress, images, arrays.shape, out)
    _keep_known_images(found, images, out)
    described: dict[str, Any] = {
        "dataset": {
            "uri": images.uri, "name": images.name,
            "digest": digest, "test_digest": arrays.test_digest,
        },
        "config": config.model_dump(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **facts,
    }  # fmt: skip
    (out / "model_card.md").write_text(model_card(described, numbers), encoding="utf-8")
    shutil.rmtree(out / "scratch", ignore_errors=True)
    return write_manifest(out, **described)


def _beside_float(table: arrow.Table, images: ImageSet, out: Path) -> dict[str, float]:
    """What quantization cost: the same test images answered in single precision."""
    import numpy as np

    original = score_images(out, images, file=FLOAT)
    truth, ours, theirs = (
        np.array(column.to_pylist())
        for column in (table["label"], table["predicted"], original["predicted"])
    )
    return {
        "accuracy": float(np.mean(truth == theirs)),
        "agreement": float(np.mean(ours == theirs)),
    }


def _draw(
    found: Evaluation, progress: Progress, images: ImageSet, shape: tuple[int, int, int], out: Path
) -> None:
    labels = found.labels
    table = confusion(found.truth, found.predicted, len(labels))
    plots.learning_curve(progress.history, progress.best_epoch, out / "learning_curve.png")
    plots.confusion_matrix(table, labels, out / "confusion_matrix.png")
    worst = found.worst(plots.MISTAKES)
    stored = _test_images(images, worst)
    rows = [
        (
            pixels_of(stored[place], shape),
            labels[found.truth[place]],
            labels[found.predicted[place]],
            float(found.probabilities[place].max()),
        )
        for place in worst
    ]
    plots.worst_mistakes(rows, out / "worst_mistakes.png")


def _keep_known_images(found: Evaluation, images: ImageSet, out: Path) -> None:
    """Some test images of every class with their answers: a service must give them again."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    places = found.spread(REPLAYED)
    stored = _test_images(images, places)
    columns = {
        "path": arrow.array([stored[place].path for place in places], arrow.string()),
        "image": arrow.array([as_file(stored[place]) for place in places], arrow.binary()),
        "label": arrow.array([stored[place].label for place in places], arrow.string()),
        "probabilities": arrow.array(
            [found.probabilities[place] for place in places], arrow.list_(arrow.float32())
        ),
    }
    parquet.write_table(arrow.table(columns), out / "replay.parquet")
    _keep_examples([stored[place] for place in places], out)


def _keep_examples(known: list[RawImage], out: Path) -> None:
    """One image of each class, of the first ones: what the service's page offers to try."""
    first: dict[str, bytes] = {}
    for image in known:
        data = as_file(image)
        if image.label not in first and len(data) <= MOST_EXAMPLE_BYTES:
            first[image.label] = data
    chosen = [
        {"label": label, "image": base64.b64encode(data).decode()}
        for label, data in list(first.items())[:EXAMPLES]
    ]
    write_json(out / "examples.json", {"examples": chosen})


def _test_images(images: ImageSet, places: Iterable[int]) -> dict[int, RawImage]:
    """Test images by their place in the order of the data set."""
    wanted = set(places)
    return {at: image for at, image in enumerate(images_of(images, "test")) if at in wanted}
