"""The model card: what it is, what it learned from, how good it is, how to ask it."""

from __future__ import annotations

from typing import Any


def model_card(manifest: dict[str, Any], metrics: dict[str, Any]) -> str:
    """Markdown for a person who has to decide whether to use this model."""
    data, config = manifest["dataset"], manifest["config"]
    recall = "\n".join(f"| {label} | {share:.3f} |" for label, share in metrics["recall"].items())
    knobs = "\n".join(f"| {name} | {value} |" for name, value in config.items())
    return f"""# {data["name"]}

An image classifier ({config["network"]} network) with a test accuracy of
**{metrics["accuracy"]:.4f}** on {metrics["test_images"]:,} images that it never saw in training.

![learning curve](learning_curve.png)

## What it learned from

{metrics["train_images"]:,} images of `{data["uri"]}`, digest `{data["digest"]}`.

## How good it is

| class | recall |
| --- | --- |
{recall}

![confusion matrix](confusion_matrix.png) ![worst mistakes](worst_mistakes.png)

## What it is not

It answers with one of its classes to any picture, also to a picture of something else; the
probability is not a measure of doubt about that. The figures hold for images like those of its
test set.

## How to ask it

    python -m model.serve --model FOLDER
    curl -H 'Content-Type: image/png' --data-binary @image.png http://127.0.0.1:8000/score

## How it was trained

| knob | value |
| --- | --- |
{knobs}
"""
