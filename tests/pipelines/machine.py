"""A machine of Azure DevOps, new for each job, and what became of a job on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from junitparser import TestSuite


@dataclass
class Machine:
    """
    Where a job runs.

    Attributes:
        folder: its work folder, new for each job.
        environment: of the machine, before the agent adds its own.
        clone: brings the code to a folder.
        vault: what its Key Vault holds.
        connections: service connections that the pipeline may use.
        instead: parts of scripts that cannot run here, and what runs instead.
    """

    folder: Path
    environment: Mapping[str, str]
    clone: Callable[[Path], None]
    vault: Mapping[str, str]
    connections: set[str]
    instead: Mapping[str, str] = field(default_factory=dict)

    @property
    def folders(self) -> dict[str, Path]:
        """By the names of the agent's variables."""
        work = self.folder / "_work"
        return {
            "Agent.WorkFolder": work, "Agent.BuildDirectory": work / "1",
            "Pipeline.Workspace": work / "1", "Build.SourcesDirectory": work / "1" / "s",
            "System.DefaultWorkingDirectory": work / "1" / "s",
            "Build.ArtifactStagingDirectory": work / "1" / "a",
            "Build.BinariesDirectory": work / "1" / "b", "Agent.TempDirectory": work / "_temp",
        }  # fmt: skip


@dataclass
class Ran:
    """
    What became of a job.

    Attributes:
        outputs: ``step.name`` → value, for later jobs.
        errors: what it told the page of the build.
        pages: Markdown for that page.
        suites: test results by the title under which they were published.
        coverage: share of lines that ran, by package.
    """

    result: str = "Succeeded"
    lines: list[str] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    suites: dict[str, TestSuite] = field(default_factory=dict)
    coverage: dict[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)
