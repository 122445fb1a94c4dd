"""
What ``python -m flows tune`` may choose from: edit ``SPACE``.

Each name is a knob of ``TrainConfig`` (model/config.py), and each value must lie within its bounds
there. A knob that is not listed, or that an option of the command sets, stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from model.config import TrainConfig, faults
from model.network import NETWORKS

Value = int | float | str


@dataclass(frozen=True)
class Between:
    """Any number from ``low`` to ``high``; whole ones if both are. "log": each decade alike."""

    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"

    def __contains__(self, value: object) -> bool:
        return isinstance(value, (int, float)) and self.low <= value <= self.high

    @property
    def ends(self) -> tuple[Value, ...]:
        return self.low, self.high


@dataclass(frozen=True)
class OneOf:
    """One of some values."""

    values: tuple[Value, ...]

    def __contains__(self, value: object) -> bool:
        return value in self.values

    @property
    def ends(self) -> tuple[Value, ...]:
        return self.values


Space = Mapping[str, Between | OneOf]

SPACE: Space = {
    "learning_rate": Between(1e-4, 3e-2, scale="log"),
    "batch_size": OneOf((32, 64, 128, 256)),
    "augment": OneOf(("none", "flip", "shift", "flip-shift")),
    "network": OneOf(tuple(NETWORKS)),
}

# These decide on which images, and on which pixels, a trial is measured; or where it is made.
SAME_FOR_ALL = ("seed", "validation_share", "height", "width", "channels", "workers")


class BadSpace(ValueError):
    """A search space in which no search makes sense; the message says what to mend."""


class Search(BaseModel):
    """How long to search, and for what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trials: int = Field(20, ge=1, le=100_000, description="How many to make, all runs together.")
    timeout_minutes: float | None = Field(
        None, gt=0, description="Stop then, at the end of an epoch; the same command goes on."
    )
    knobs: Annotated[
        tuple[str, ...], Parameter(negative="", consume_multiple=True, show_default=False)
    ] = Field(
        (), description="Which to search; if unset, all of model/tune/space.py that no option sets."
    )

    @field_validator("knobs")
    @classmethod
    def _are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        plain = tuple(dict.fromkeys(name.replace("-", "_") for name in names))
        for name in plain:
            if name not in SPACE:
                raise ValueError(f"{name!r} is not in the space; choose from: {', '.join(SPACE)}")
        return plain

    def over(self, config: TrainConfig) -> Search:
        """The same search with its knobs named: those that ``config`` was not told explicitly."""
        left = tuple(name for name in SPACE if name not in config.model_fields_set)
        return self.model_copy(update={"knobs": self.knobs or left})


def ask_for_one_worker(config: TrainConfig) -> None:
    """Raises BadSpace: trials on several workers, of which a search knows nothing."""
    if config.workers > 1:
        raise BadSpace("a search makes its trials on one machine: leave out --workers here, and "
                       "give it to the release of the knobs that were found")  # fmt: skip


def chosen(knobs: Iterable[str], space: Space = SPACE) -> Space:
    """
    The part of ``space`` to search: ``knobs``, without those that have one value only.

    Raises:
        BadSpace: a value that ``TrainConfig`` forbids, a knob that decides how trials are measured,
            or nothing to choose.
    """
    complaints = [said for name, part in space.items() for said in _complaints(name, part)]
    if complaints:
        raise BadSpace("mend SPACE in model/tune/space.py:\n" + "\n".join(complaints))
    found = {name: space[name] for name in space if name in set(knobs)}
    found = {name: part for name, part in found.items() if len(set(part.ends)) > 1}
    if not found:
        raise BadSpace("nothing is left to search: every knob of the space is set by an option, "
                       "or has one value only in model/tune/space.py")  # fmt: skip
    return found


def config_of(values: Mapping[str, Any], base: TrainConfig) -> TrainConfig:
    """``base`` with the values of a trial; rates with three digits, as a person would type them."""
    plain = {
        name: float(f"{value:.3g}") if isinstance(value, float) else value
        for name, value in values.items()
    }
    return TrainConfig.model_validate({**base.model_dump(), **plain})


def _complaints(name: str, part: Between | OneOf) -> list[str]:
    if name in SAME_FOR_ALL:
        return [f"{name} cannot be searched: trials would not be measured alike"]
    if isinstance(part, Between) and not part.low <= part.high:
        return [f"{name}: {part.low:g} is above {part.high:g}"]
    if isinstance(part, Between) and part.scale == "log" and part.low <= 0:
        return [f"{name}: a log scale begins above 0, not at {part.low:g}"]
    if not part.ends:
        return [f"{name}: there is no value to choose"]
    said = []
    for value in part.ends:
        try:
            TrainConfig.model_validate({name: value})
        except ValidationError as error:
            said.append(faults(error))
    return said
