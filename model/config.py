"""The knobs of a training run, each with its bounds: one definition for flow, form and shell."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator


def faults(error: ValidationError) -> str:
    """What a person should mend, one option a line, without the library's own words around it."""
    lines = []
    for fault in error.errors():
        option = "--" + ".".join(str(part) for part in fault["loc"]).replace("_", "-")
        said = fault["msg"].removeprefix("Value error, ")
        if not fault["loc"]:  # of several options together, which the message names
            lines.append(said)
            continue
        lines.append(f"{option} {fault['input']}: {said[0].lower()}{said[1:]}")
    return "\n".join(lines)


class TrainConfig(BaseModel):
    """All that a user may turn; together with data and code it decides the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: str = Field("baseline", description="Name of a network in model/network.py.")
    epochs: int = Field(10, ge=1, le=1000, description="Most passes over the training images.")
    batch_size: int = Field(64, ge=1, le=65536, description="Images a step.")
    learning_rate: float = Field(
        1e-3, gt=0, le=10, description="Highest rate of Adam: it rises to it, then falls to zero."
    )
    weight_decay: float = Field(
        0.0, ge=0, le=1, description="Of AdamW: the share of each weight that a step takes away."
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Share of each label that is spread over all classes."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: bfloat16 where the hardware multiplies it, else float32."
    )
    workers: int = Field(
        1,
        ge=1,
        le=1024,
        description="Processes that learn together, started by Apache Spark, each from its share "
        "of the images and --batch-size of them a step; the learning rate is raised by the square "
        "root of their number.",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="The same seed gives the same weights.")
    augment: Literal["none", "flip", "shift", "flip-shift"] = Field(
        "none",
        description="Random changes of training images: mirrored, shifted by up to 1/14 of a side.",
    )
    quantize: Literal["none", "int8"] = Field(
        "none",
        description="int8: serve whole numbers, half again as fast; the gate compares the two.",
    )
    patience: int = Field(
        4, ge=0, description="Epochs without a better validation loss before stopping; 0: never."
    )
    validation_share: float = Field(
        0.1, gt=0, lt=0.9, description="Of the training images, kept out to choose the best epoch."
    )
    height: int | None = Field(
        None, ge=4, le=4096, description="Pixels; if unset, the most frequent size in the data."
    )
    width: int | None = Field(
        None, ge=4, le=4096, description="Pixels; if unset, the most frequent size in the data."
    )
    channels: Literal[1, 3] | None = Field(
        None, description="1: grey, 3: colour; if unset, colour if any image has it."
    )

    @field_validator("network")
    @classmethod
    def _is_known(cls, name: str) -> str:
        from model.network import NETWORKS

        if name not in NETWORKS:
            raise ValueError(f"unknown network {name!r}; choose one of: {', '.join(NETWORKS)}")
        return name
