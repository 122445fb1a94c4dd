"""The agents of pipelines: what they call a build, and what they read from a job's output."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

COMMAND = re.compile(r"##(?=\w*\[)")  # Azure DevOps looks for it anywhere in a line
AT_START = re.compile(r"^(\s*):(?=:)", re.MULTILINE)  # GitHub where a line begins


class Agent:
    """
    Nobody's: a shell, which reads no commands.

    Args:
        environment: variables of the job.
    """

    build_names: tuple[str, ...] = ()

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    @property
    def build(self) -> str | None:
        """The name of this build, the same for each attempt at it, and no other's."""
        found = [self._environment.get(name, "").strip("/") for name in self.build_names]
        return "/".join(found) if found and all(found) else None

    def hand_on(self, name: str, value: str) -> None:
        """Let later steps know a value."""

    def complain(self, text: str) -> None:
        """Put an error on the page of the build."""

    def show(self, page: str, file: Path | None) -> None:
        """
        Put Markdown on the page of the build.

        Args:
            page: what to show.
            file: where it was written already, if anywhere.
        """


class AzureDevOps(Agent):
    """https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands"""

    build_names = ("SYSTEM_COLLECTIONURI", "SYSTEM_TEAMPROJECT", "BUILD_BUILDID")

    def hand_on(self, name: str, value: str) -> None:
        print(f"##vso[task.setvariable variable={name};isOutput=true]{value}", flush=True)

    def complain(self, text: str) -> None:
        told = _escaped(text, {"%": "%AZP25", "\r": "%0D", "\n": "%0A"})
        print(f"##vso[task.logissue type=error]{told}", flush=True)

    def show(self, page: str, file: Path | None) -> None:
        if file:
            print(f"##vso[task.uploadsummary]{file.resolve()}", flush=True)


class GitHub(Agent):
    """https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands"""

    build_names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")

    def hand_on(self, name: str, value: str) -> None:
        self._append("GITHUB_OUTPUT", f"{name}={value}\n")

    def complain(self, text: str) -> None:
        told = _escaped(text, {"%": "%25", "\r": "%0D", "\n": "%0A"})
        print(f"::error::{told}", flush=True)

    def show(self, page: str, file: Path | None) -> None:
        self._append("GITHUB_STEP_SUMMARY", page)

    def _append(self, variable: str, text: str) -> None:
        if place := self._environment.get(variable):
            with Path(place).open("a", encoding="utf-8") as shown:
                shown.write(text)


def agent_of(environment: Mapping[str, str]) -> Agent:
    """Whose job this is."""
    if environment.get("TF_BUILD") == "True":
        return AzureDevOps(environment)
    if environment.get("GITHUB_ACTIONS") == "true":
        return GitHub(environment)
    return Agent(environment)


def harmless(text: str) -> str:
    """
    What a run says, so that no agent takes it for a command: it may name files of strangers.

    >>> harmless("12:00:00  ##vso[task.setvariable variable=PATH]/tmp, ##[error]")
    '12:00:00  **vso[task.setvariable variable=PATH]/tmp, **[error]'
    >>> harmless("one\\n::error::two, std::move")
    'one\\n*:error::two, std::move'
    """
    whole = text.encode(errors="replace").decode()  # half a sign could not be printed
    whole = whole.replace("\r\n", "\n").replace("\r", "\n")  # a line may end so for an agent
    return AT_START.sub(r"\1*", COMMAND.sub("**", whole))


def _escaped(text: str, by: Mapping[str, str]) -> str:
    for sign, code in by.items():  # the sign of the codes themselves is the first
        text = text.replace(sign, code)
    return text
