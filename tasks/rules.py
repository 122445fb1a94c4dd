"""When a candidate may serve: the numbers that a team decides on."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Rules(BaseModel):
    """When a candidate may serve."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_accuracy: float = Field(0.6, ge=0, le=1, description="Least test accuracy, in [0, 1].")
    min_recall: float = Field(0.1, ge=0, le=1, description="Least recall of each class, in [0, 1].")
    max_drop: float = Field(
        0.02,
        ge=0,
        le=1,
        description="Most accuracy that may be lost to the champion, noise or not.",
    )
    max_quantized_drop: float = Field(
        0.005,
        ge=0,
        le=1,
        description="Most test accuracy that --quantize may cost.",
    )
    min_quantized_agreement: float = Field(
        0.98,
        ge=0,
        le=1,
        description="Least share of test images that the quantized model answers as before.",
    )
    confidence: float = Field(
        0.95, gt=0.5, lt=1, description="Confidence of the interval that tells better from noise."
    )
    on_tie: Literal["release", "keep"] = Field(
        "release",
        description="No difference beyond noise: release, or keep the champion.",
    )
