"""The price table that anyone can edit, and what a run costs by it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, ValidationError

from tasks.backends.azure.settings import AzureSettings
from tasks.errors import Refused
from tasks.foreseen import Cost
from tasks.source import ROOT

TABLE = ROOT / "infra" / "prices.toml"


class Machine(BaseModel):
    """Of a node type, per hour."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_hour: NonNegativeFloat
    spot_per_hour: NonNegativeFloat
    dbu_per_hour: NonNegativeFloat


class Container(BaseModel):
    """Of a container group that runs, per hour."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    core_per_hour: NonNegativeFloat
    gb_per_hour: NonNegativeFloat


class Times(BaseModel):
    """How long things take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start_minutes: NonNegativeFloat
    images_per_second: PositiveFloat
    checked_per_second: PositiveFloat
    efficiency_of_several: float = Field(gt=0, le=1)


class Prices(BaseModel):
    """
    The table.

    Attributes:
        dbu: price of one Databricks unit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: str = Field(min_length=1)
    dbu: NonNegativeFloat
    time: Times
    container: Container
    machine: dict[str, Machine]

    @classmethod
    def read(cls, file: Path = TABLE) -> Prices:
        """
        The table in ``file``.

        Raises:
            Refused: it cannot be read; the message says where it is wrong.
        """
        try:
            return cls.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
            raise Refused(f"the price table {file} cannot be used: {error}") from error

    def training(self, settings: AzureSettings, images: int, workers: int = 1) -> Cost:
        """A run that learns from ``images`` images, each epoch's counted. Raises Refused."""
        return self._run("training", settings, images / self.time.images_per_second, workers)

    def checking(self, settings: AzureSettings, images: int, workers: int) -> Cost:
        """A run whose workers look at ``images`` images. Raises Refused."""
        return self._run("data checks", settings, images / self.time.checked_per_second, workers)

    def _run(self, what: str, settings: AzureSettings, seconds: float, workers: int) -> Cost:
        """
        Work that one machine does in ``seconds``, once it has started.

        Several workers have a driver beside them, which is never a spot machine.

        Raises:
            Refused: the table lacks the node type.
        """
        efficiency = self.time.efficiency_of_several if workers > 1 else 1
        minutes = seconds / (workers * efficiency) / 60
        if settings.serverless:
            return Cost(what, f"{minutes:.1f} min of serverless compute, whose price this "
                        "table does not know", 0.0, self.currency)  # fmt: skip
        if settings.cluster:
            return Cost(what, f"{minutes:.1f} min on {settings.cluster}, which is paid for "
                        "by whoever keeps it", 0.0, self.currency)  # fmt: skip
        machine = self.machine.get(settings.node_type)
        if machine is None:
            listed = ", ".join(sorted(self.machine))
            raise Refused(f"{TABLE} has no [machine.{settings.node_type}]; add it, or set "
                          f"MLOPS_NODE_TYPE to one of: {listed}")  # fmt: skip
        hours = (self.time.start_minutes + minutes) / 60
        hourly = machine.spot_per_hour if settings.is_spot else machine.per_hour
        kind = "spot " if settings.is_spot else ""
        driver = machine.per_hour if workers > 1 else 0.0
        units = machine.dbu_per_hour * (workers + 1 if workers > 1 else 1)
        beside = f" + a driver at {driver:g}" if workers > 1 else ""
        return Cost(
            what,
            f"{self.time.start_minutes + minutes:.1f} min of {workers} {kind}{settings.node_type} "
            f"at {hourly:g} an hour{beside} + {units:g} DBU an hour at {self.dbu:g}",
            hours * (workers * hourly + driver + units * self.dbu), self.currency,
        )  # fmt: skip

    def day_of_group(self, name: str, cpu: float, memory_gb: float) -> Cost:
        """A container group that runs for a day; one that is stopped costs nothing."""
        hourly = cpu * self.container.core_per_hour + memory_gb * self.container.gb_per_hour
        return Cost(
            name,
            f"24 h of {cpu:g} cores at {self.container.core_per_hour:g} + {memory_gb:g} GB at "
            f"{self.container.gb_per_hour:g}",
            24 * hourly, self.currency,
        )  # fmt: skip
