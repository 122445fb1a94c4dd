"""A job of a workflow, as the runner of GitHub Actions has it: folders, variables and files."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.pipelines.definition import Tree
from tests.pipelines.site import Site

VALUE = re.compile(r"\$\{\{\s*([\w.]+)\s*\}\}")
FILES = ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")


@dataclass
class Runner:
    """
    A job that runs.

    Attributes:
        known: what ``${{ … }}`` can name: inputs, vars.
        run_id: of the workflow; run again, it has the same.
        masked: secrets that the log does not show.
    """

    site: Site
    job: Tree
    known: dict[str, Any]
    run_id: int
    lines: list[str] = field(default_factory=list)
    masked: set[str] = field(default_factory=set)
    summary: str = ""
    _shell: subprocess.Popen[str] | None = None

    @property
    def folder(self) -> Path:
        return self.site.place / "runner"

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def run(self) -> int:
        """The exit code of the first step that failed; 0 if none did."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("temp", "work"):
            (self.folder / name).mkdir(parents=True)
        self.known |= {"runner": {"temp": str(self.folder / "temp")}, "steps": {}}
        more: dict[str, str] = {}
        for step in self.job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                self.site.clone(self.folder / "work")
            elif "run" in step:
                code = self._runs(step, more)
                if code:
                    return code
        return 0

    def cancel(self) -> None:
        """As the runner does: SIGINT to the shell, then SIGTERM, and to nobody else."""
        assert self._shell
        for word in (signal.SIGINT, signal.SIGTERM):
            self._shell.send_signal(word)

    def _runs(self, step: Tree, more: dict[str, str]) -> int:
        script = self.folder / "temp" / "script.sh"
        script.write_text(self._filled(step["run"]))
        files = {name: self.folder / "temp" / name.lower() for name in FILES}
        for each in files.values():
            each.write_text("")
        of_job = {name: self._filled(str(value)) for name, value in self.job["env"].items()}
        self._shell = subprocess.Popen(
            ["bash", "-e", str(script)], cwd=self.folder / "work", text=True,
            env={**self.site.environment, **self._given(), **of_job, **more,
                 **{name: str(each) for name, each in files.items()}},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        for line in self._shell.stdout or []:
            if line.startswith("::add-mask::"):
                self.masked.add(line.removeprefix("::add-mask::").strip())
                continue
            for secret in self.masked:
                line = line.replace(secret, "***")
            self.lines.append(line.rstrip("\n"))
        more |= pairs(files["GITHUB_ENV"])
        if "id" in step:
            self.known["steps"][step["id"]] = {"outputs": pairs(files["GITHUB_OUTPUT"])}
        self.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        return self._shell.wait()

    def _given(self) -> dict[str, str]:
        return {
            "GITHUB_ACTIONS": "true", "CI": "true", "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": "ann/shop", "GITHUB_RUN_ID": str(self.run_id),
            "GITHUB_RUN_NUMBER": str(self.run_id), "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_WORKSPACE": str(self.folder / "work"),
            "RUNNER_TEMP": str(self.folder / "temp"),
        }  # fmt: skip

    def _filled(self, text: str) -> str:
        def value(found: re.Match[str]) -> str:
            place: Any = self.known
            for name in found[1].split("."):
                place = place.get(name, "") if isinstance(place, Mapping) else ""
            return str(place)

        return VALUE.sub(value, text)


def pairs(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())
