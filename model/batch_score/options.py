"""How images are scored: what the program, the command line and Prefect's form ask alike."""

from __future__ import annotations

import os
from multiprocessing import cpu_count
from typing import Annotated, Literal

from cyclopts import Parameter
from pydantic import BaseModel, ConfigDict, Field


class Scoring(BaseModel):
    """Which images, by what, and how the answers are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    split: Literal["train", "test"] | None = Field(
        None, description="Score the images of this split only; if unset, all."
    )
    workers: int | None = Field(
        None,
        ge=1,
        description="Processes, cores of Spark on this machine, or machines in Azure; if unset, "
        "all cores of one.",
    )
    engine: Literal["pool", "spark"] = Field(
        "pool", description="Who works: processes of this machine, or Spark."
    )
    format: Literal["parquet", "delta"] = Field(
        "parquet", description="Parquet files alone, or with the log of a Delta table beside them."
    )
    replace: Annotated[bool, Parameter(negative="")] = Field(
        False, description="Other scores that lie there go, once the new ones are complete."
    )

    @property
    def processes(self) -> int:
        """As many as were asked for, or one a core that this process may use."""
        if self.workers:
            return self.workers
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cpu_count()
