"""What a service is, and how it behaves."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from model.folder import ModelFolder
from model.serve.bounds import Bounds
from model.serve.capture import Sampling
from model.serve.doors import Doors


@dataclass(frozen=True)
class Identity:
    """Which model this service is: every answer carries it."""

    name: str
    version: str
    folder: ModelFolder
    since: float = field(default_factory=time.time)

    @property
    def digest(self) -> str:
        return self.folder.digest


@dataclass(frozen=True)
class Settings:
    """How a service behaves: who may ask, what is kept, and where its helpers lie."""

    doors: Doors = field(default_factory=Doors)
    bounds: Bounds = field(default_factory=Bounds)
    sampling: Sampling | None = None
    access_log: Path | None = None
    control: Path | None = None
    ready_file: Path | None = None
