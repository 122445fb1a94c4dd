"""When traffic has drifted, and how often that may lead to a retraining."""

from __future__ import annotations

from typing import Annotated, Final

from cyclopts import Parameter
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

STATISTICS: Final = ("label shares", "confidence", "brightness", "contrast", "answers")
SLUGS: Final = {name.replace(" ", "-"): name for name in STATISTICS}


class DriftRules(BaseModel):
    """When traffic has drifted, and how often that may lead to a retraining."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window: int = Field(250, ge=50, le=5000, description="Images that are judged together.")
    drifting: int = Field(
        3, ge=1, le=100, description="Windows in which a statistic must have drifted …"
    )
    of: int = Field(5, ge=1, le=100, description="… of so many newest ones.")
    false_alarms: float = Field(
        0.01, ge=0.005, le=0.2,  # below it, 2,000 simulations would not do
        description="Share of windows without drift that may look drifted, all statistics "
        "together.",
    )  # fmt: skip
    min_psi: float = Field(
        0.1, ge=0, description="Least population stability index, freed of bias, that matters."
    )
    min_energy: float = Field(
        0.005, ge=0, le=1, description="Least energy coefficient of the answers that matters."
    )
    statistics: Annotated[
        tuple[str, ...], Parameter(negative="", consume_multiple=True, show_default=False)
    ] = Field((), description=f"Which to look at, of {', '.join(SLUGS)}; if unset, all.")
    cooldown_hours: float = Field(
        24, gt=0, description="Between two calls for a retraining; doubled when one did not help."
    )
    budget: int = Field(3, ge=1, description="Most calls for a retraining within --budget-days.")
    budget_days: float = Field(30, gt=0, description="See --budget.")
    min_live_accuracy: float = Field(
        0.6, ge=0, le=1, description="Least accuracy by delayed labels, in [0, 1]."
    )
    max_live_drop: float = Field(
        0.05, ge=0, le=1, description="Most accuracy that may be lost to that of training time."
    )
    least_labels: int = Field(100, ge=10, description="Delayed labels below it say nothing.")
    newest_labels: int = Field(500, ge=10, description="Delayed labels that are looked at.")
    max_fault_share: float = Field(
        0.05, ge=0, le=1, description="Of requests whose input cannot be read (400, 413, 415, 422)."
    )
    max_error_share: float = Field(
        0.01, ge=0, le=1, description="Of requests that the service could not answer (5xx)."
    )
    slow_s: float = Field(0.25, gt=0, description="Seconds after which an answer is slow.")
    max_slow_share: float = Field(0.05, ge=0, le=1, description="Of requests answered slowly.")

    @field_validator("statistics")
    @classmethod
    def _are_known(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(SLUGS.get(word, word) for word in words))
        for name in found:
            if name not in STATISTICS:
                raise ValueError(f"{name!r} is no statistic; choose from: {', '.join(SLUGS)}")
        return found

    @model_validator(mode="after")
    def _can_be_met(self) -> DriftRules:
        if self.drifting > self.of:
            raise ValueError(
                f"drift in {self.drifting} of {self.of} windows cannot be; lower --drifting or "
                "raise --of"
            )
        if self.least_labels > self.newest_labels:
            raise ValueError(
                f"least_labels {self.least_labels} is above newest_labels {self.newest_labels}"
            )
        return self

    @property
    def looked_at(self) -> tuple[str, ...]:
        """The statistics that are looked at."""
        return self.statistics or STATISTICS
