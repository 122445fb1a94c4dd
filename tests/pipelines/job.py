"""
One job: its variables, steps and commands, as the agent of Azure DevOps has them.

What the agent does is written after its source (microsoft/azure-pipelines-agent) and that of its
tasks (microsoft/azure-pipelines-tasks): scripts are files that bash runs without -e, macros that
nobody sets stay as they are, secrets are no variables of the environment.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from junitparser import JUnitXml

from tests.pipelines.definition import Job, Tree, listed
from tests.pipelines.expressions import Known, evaluated, is_true, parsed
from tests.pipelines.machine import Machine, Ran
from tests.pipelines.scripts import MACRO, script_of, task_of

COMMAND = re.compile(r"##vso\[(\S+) ?([^\]]*)\](.*)")
CODES = {"%0D": "\r", "%0A": "\n", "%5D": "]", "%3B": ";", "%AZP25": "%"}


class Work:
    """
    A job that runs.

    Args:
        variables: those of build, pipeline, stage and job.
    """

    def __init__(self, job: Job, machine: Machine, variables: Mapping[str, str]) -> None:
        self._job, self._machine = job, machine
        self._variables = {**{k: str(v) for k, v in machine.folders.items()}, **variables}
        self._secrets: dict[str, str] = {}
        self.ran = Ran()
        self._shell: subprocess.Popen[str] | None = None
        self._is_cancelled = False

    def run(self) -> Ran:
        """All steps, in their order."""
        shutil.rmtree(self._machine.folder, ignore_errors=True)
        for folder in self._machine.folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        for step in self._job.steps:
            if not self._is_wanted(step):
                continue
            try:
                is_well = self._does(step)
            except (OSError, ValueError, ElementTree.ParseError) as error:
                self.ran.errors.append(f"{task_of(step)}: {error}")
                is_well = False
            if self._is_cancelled:
                self.ran.result = "Canceled"
            elif not is_well and self.ran.result == "Succeeded":
                self.ran.result = "Failed"
        return self.ran

    def cancel(self) -> None:
        """As BashV3 does when its agent is told: SIGTERM to the shell, and to nobody else."""
        self._is_cancelled = True
        if self._shell:
            self._shell.send_signal(signal.SIGTERM)

    def _is_wanted(self, step: Tree) -> bool:
        result = self.ran.result
        status = {
            "succeeded": result == "Succeeded", "failed": result == "Failed", "always": True,
            "succeededOrFailed": result != "Canceled", "canceled": result == "Canceled",
        }  # fmt: skip
        asked = parsed(str(step.get("condition", "succeeded()")))
        return is_true(evaluated(asked, Known({"variables": self._variables}, status)))

    def _does(self, step: Tree) -> bool:
        given = {key: self._filled(str(value)) for key, value in step.get("inputs", {}).items()}
        connection = given.get("azureSubscription")
        if connection and connection not in self._machine.connections:
            raise ValueError(f"there is no service connection {connection}")
        match task_of(step):
            case "checkout":
                self._machine.clone(self._machine.folders["Build.SourcesDirectory"])
            case "bash" | "AzureCLI":
                return self._runs(step)
            case "AzureKeyVault":
                names = listed(given["SecretsFilter"])
                self._secrets |= {name: self._machine.vault[name] for name in names}
            case "PublishTestResults":
                for file in Path(given["searchFolder"]).glob(given["testResultsFiles"]):
                    (self.ran.suites[given["testRunTitle"]],) = JUnitXml.fromfile(str(file))
            case "PublishCodeCoverageResults":
                tree = ElementTree.parse(given["summaryFileLocation"])  # noqa: S314 (our own)
                for each in tree.iter("package"):
                    self.ran.coverage[each.attrib["name"]] = float(each.attrib["line-rate"])
            case "UsePythonVersion" | "Delay":
                pass
            case other:
                raise ValueError(f"there is no task {other} here")
        return True

    def _runs(self, step: Tree) -> bool:
        script = script_of(step)
        for part, other in self._machine.instead.items():
            script = script.replace(part, other)
        script = self._filled(script)
        file = self._machine.folders["Agent.TempDirectory"] / f"{uuid.uuid4()}.sh"
        file.write_text(script)
        mine = {name: self._filled(str(value)) for name, value in step.get("env", {}).items()}
        self._shell = subprocess.Popen(
            ["bash", str(file)], cwd=self._machine.folders["System.DefaultWorkingDirectory"],
            env={**self._machine.environment, **self._exported(), **mine}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        for line in self._shell.stdout or []:
            self._hears(line.rstrip("\n"), step)
        return self._shell.wait() == 0

    def _hears(self, line: str, step: Tree) -> None:
        """A line of output, which may be a command."""
        self.ran.lines.append(line)
        if not (found := COMMAND.search(line)):
            return
        asked = dict(each.split("=", 1) for each in found[2].split(";") if each)
        text = found[3]
        for code, sign in CODES.items():
            text = text.replace(code, sign)
        match found[1]:
            case "task.setvariable":
                name = asked["variable"]
                if asked.get("isOutput") == "true":
                    name = f"{step.get('name', task_of(step))}.{name}"
                    self.ran.outputs[name] = text
                self._variables[name] = text
            case "task.logissue":
                self.ran.errors.append(text)
            case "task.uploadsummary":
                self.ran.pages.append(Path(text).read_text())
            case other:
                raise ValueError(f"the agent knows no {other}")

    def _exported(self) -> dict[str, str]:
        """Variables as the environment has them."""
        names = {name: re.sub(r"[. ]", "_", name).upper() for name in self._variables}
        return {"TF_BUILD": "True", **{new: self._variables[old] for old, new in names.items()}}

    def _filled(self, text: str) -> str:
        known = {
            name.lower(): value for name, value in {**self._variables, **self._secrets}.items()
        }

        def value(found: re.Match[str]) -> str:
            return known.get(found[1].lower(), found[0])

        before = ""
        while text != before:  # a variable may name others
            before, text = text, MACRO.sub(value, text)
        return text
