"""The thresholds of the checks. A ``data_checks.toml`` beside the images overrides them."""

from __future__ import annotations

import tomllib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

FILE = "data_checks.toml"
Severity = Literal["refuse", "warn"]


class BadLimits(ValueError):
    """A ``data_checks.toml`` that cannot be meant; the message names the key and the known ones."""


class Limits(BaseModel):
    """What is still good enough. Shares are in [0, 1]."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    formats: tuple[str, ...] = Field(
        ("PNG", "JPEG", "RAW", "WEBP", "BMP", "GIF", "TIFF"),
        description="Formats that may occur, as Pillow names them; RAW is IDX.",
    )
    size_policy: Literal["same", "resize"] = Field(
        "same", description="same: all images have one size; resize: others are resized."
    )
    min_deviation: float = Field(
        1.0, ge=0, description="Of an image's intensities 0..255; below it is blank."
    )
    max_blank_share: float = Field(0.0, ge=0, le=1, description="Of all images.")
    least_train_images: int = Field(10, ge=1, description="Of each class.")
    least_test_images: int = Field(2, ge=1, description="Of each class.")
    min_balance: float = Field(
        0.1, ge=0, le=1, description="Images of the smallest class, as a share of the largest one."
    )
    max_duplicate_share: float = Field(0.05, ge=0, le=1, description="Of all images.")
    max_conflict_share: float = Field(
        0.01, ge=0, le=1, description="Of images whose pixels occur under two labels."
    )
    max_leak_share: float = Field(
        0.01, ge=0, le=1, description="Of test images that are training images too."
    )
    near_distance: int = Field(
        6, ge=0, le=64, description="Bits of 256 in which two images are still nearly the same."
    )
    max_near_leak_share: float = Field(
        0.05, ge=0, le=1, description="Of test images nearly the same as a training image."
    )
    max_drift: float = Field(
        0.25, ge=0, description="Population stability index against the champion's data."
    )
    severity: dict[str, Severity] = Field(
        default_factory=dict,
        description="Of single checks, by name.",
    )

    @field_validator("severity")
    @classmethod
    def _unreadable_refuses(cls, given: dict[str, Severity]) -> dict[str, Severity]:
        if given.get("readable") == "warn":
            raise ValueError("readable cannot be a warning: nothing learns from what is no image")
        return given

    @classmethod
    def beside(cls, uri: str) -> Limits:
        """
        The limits for the data set at ``uri``: those of ``data_checks.toml`` there, or defaults.

        Raises:
            BadLimits: the file has an unknown key or a wrong value; both are named.
        """
        import fsspec

        system, place = fsspec.core.url_to_fs(uri)
        folder = place if system.isdir(place) else place.rpartition("/")[0]
        file = f"{folder}/{FILE}"
        if not system.isfile(file):
            return cls()
        try:
            found = tomllib.loads(system.cat_file(file).decode("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadLimits(f"{file} is no TOML: {error}") from error
        return cls.of(found, file)

    @classmethod
    def of(cls, found: Any, origin: str) -> Limits:
        """The limits in a table. Raises BadLimits: a key or value is wrong; it names ``origin``."""
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc']))}: {_said(fault)}" for fault in error.errors()
            )
            known = ", ".join(cls.model_fields)
            raise BadLimits(f"{origin}: {faults}. Known keys: {known}") from error


def _said(fault: ErrorDetails) -> str:
    return "unknown key" if fault["type"] == "extra_forbidden" else fault["msg"]
