"""What a pipeline shows of a run: JUnit, a summary in Markdown, and the agent's own commands."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

from flows.followed import End, Stage

BAD = ("refused", "failed", "crashed", "timedout", "unavailable", "cancelled")


class Report:
    """
    Args:
        name, url: of the run.
        junit, summary: files to write; a summary is shown by GitHub also where none is named.
    """

    def __init__(
        self, deployment: str, name: str, url: str, junit: Path | None, summary: Path | None
    ) -> None:
        self._deployment, self._name, self._url = deployment, name, url
        self._junit, self._summary = junit, summary
        self._is_azure = os.environ.get("TF_BUILD") == "True"

    def announce(self, run: UUID) -> None:
        """Let later steps of an Azure DevOps job know the run as ``$(flowRunId)``."""
        if self._is_azure:
            print(f"##vso[task.setvariable variable=flowRunId;isOutput=true]{run}", flush=True)

    def write(self, end: End) -> None:
        """Tell how it ended, everywhere where somebody looks."""
        print(f"\n{self._deployment}: {end.verdict} after {end.seconds:.0f} s\n{self._url}")
        if end.why:
            print(end.why)
        if self._junit:
            self._junit.parent.mkdir(parents=True, exist_ok=True)
            ElementTree.ElementTree(self._cases(end)).write(
                self._junit, encoding="utf-8", xml_declaration=True
            )
        text = self._markdown(end)
        shown = os.environ.get("GITHUB_STEP_SUMMARY")
        for file in (self._summary, Path(shown) if shown else None):
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("a", encoding="utf-8") as page:
                    page.write(text)
        if self._is_azure:
            self._tell_agent(end)

    def _cases(self, end: End) -> ElementTree.Element:
        """A test case for each step, and one for the run where no step says why it failed."""
        whole = Stage(self._name, end.verdict, end.seconds, end.why)
        stages = list(end.stages)
        if end.code and not any(each.verdict in BAD for each in stages):
            stages.append(whole)
        suite = ElementTree.Element("testsuite", {
            "name": self._deployment, "time": f"{end.seconds:.3f}", "tests": str(len(stages)),
            "failures": str(sum(each.verdict == "refused" for each in stages)),
            "errors": str(sum(each.verdict in BAD and each.verdict != "refused"
                              for each in stages)),
            "skipped": str(sum(each.verdict == "skipped" for each in stages)),
        })  # fmt: skip
        for each in stages:
            case = ElementTree.SubElement(suite, "testcase", {
                "classname": self._deployment, "name": each.name, "time": f"{each.seconds:.3f}",
            })  # fmt: skip
            kind = {"skipped": "skipped", "refused": "failure"}.get(
                each.verdict, "error" if each.verdict in BAD else ""
            )
            if kind:
                first = each.why.partition("\n")[0]
                ElementTree.SubElement(case, kind, {"message": first}).text = each.why
        return suite

    def _markdown(self, end: End) -> str:
        rows = "".join(
            f"| {_cell(each.name)} | {each.verdict} | {each.seconds:.1f} | {_cell(each.why)} |\n"
            for each in end.stages
        )
        why = "".join(f"> {line}\n" for line in end.why.splitlines())
        table = f"| step | verdict | seconds | remark |\n| --- | --- | ---: | --- |\n{rows}\n"
        return (
            f"### {self._deployment}: {end.verdict}\n\n[{self._name}]({self._url}), "
            f"{end.seconds:.0f} s\n\n{why}{chr(10) if why else ''}{table if rows else ''}"
        )

    def _tell_agent(self, end: End) -> None:
        """Commands that the agent of Azure DevOps reads from the output."""
        if self._summary:
            print(f"##vso[task.uploadsummary]{self._summary.resolve()}", flush=True)
        if end.code:
            said = _escaped(f"{self._deployment}: {end.verdict}: {end.why}")
            print(f"##vso[task.logissue type=error]{said}", flush=True)


def _cell(text: str) -> str:
    return text.partition("\n")[0].replace("|", "\\|")


def _escaped(text: str) -> str:
    """As the agent wants the text of its commands."""
    return text.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")
