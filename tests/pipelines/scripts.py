"""The shell scripts in a pipeline, and what they call."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from tests.pipelines.definition import Pipeline, Tree

MACRO = re.compile(r"\$\(([\w.-]+)\)")


def task_of(step: Tree) -> str:
    """``bash``, ``checkout``, or the name of the task without its version."""
    for kind in ("bash", "checkout"):
        if kind in step:
            return kind
    return str(step["task"]).partition("@")[0] if "task" in step else "?"


def script_of(step: Tree) -> str:
    """What the step runs in a shell; empty if it runs none."""
    return str(step.get("bash") or step.get("inputs", {}).get("inlineScript", "")).strip()


def macros_of(step: Tree) -> list[str]:
    """Names in ``$(…)``, anywhere in the step."""
    return MACRO.findall(str(step))


def scripts_of(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """Each script, and where it is."""
    for stage in pipeline.stages:
        for job in stage.jobs:
            for number, step in enumerate(job.steps):
                if script := script_of(step):
                    yield f"{stage.name}.{job.name}.{number}", script


def commands_of(script: str) -> Iterator[list[str]]:
    """The words of each command of a plain script, with its ``$`` as they are."""
    for line in script.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield words[1:] if words[0] == "exec" else words
