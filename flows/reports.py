"""What a pipeline shows of a run: test cases as JUnit has them, a page in Markdown, an error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from flows.agents import Agent, harmless
from flows.runs import WELL, End, Stage

# Colours of a terminal, and what XML 1.0 cannot hold.
UNFIT = re.compile("\x1b\\[[0-9;?]*[A-Za-z]|[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Report:
    """
    Of one run.

    Attributes:
        name, url: of the run.
    """

    deployment: str
    name: str
    url: str

    def write(self, end: End, agent: Agent, junit: Path | None, summary: Path | None) -> None:
        """Tell how it ended, everywhere where somebody looks."""
        print(f"\n{self.deployment}: {end.verdict} after {end.seconds:.0f} s\n{self.url}")
        if end.why:
            print(harmless(end.why), flush=True)
        if junit:
            junit.parent.mkdir(parents=True, exist_ok=True)
            ElementTree.ElementTree(self._cases(end)).write(
                junit, encoding="utf-8", xml_declaration=True
            )
        page = self._markdown(end)
        if summary:
            summary.parent.mkdir(parents=True, exist_ok=True)
            with summary.open("a", encoding="utf-8") as shown:
                shown.write(page)
        agent.show(page, summary)
        if end.code:
            agent.complain(f"{self.deployment}: {end.verdict}: {end.why}")

    def _cases(self, end: End) -> ElementTree.Element:
        """A test case for each step, and one for the run where no step says why it failed."""
        stages = list(end.stages)
        if end.code and all(each.verdict in WELL for each in stages):
            stages.append(Stage(self.name, end.verdict, end.seconds, end.why))
        kinds = [_kind(each) for each in stages]
        suite = ElementTree.Element("testsuite", {
            "name": self.deployment, "time": f"{end.seconds:.3f}", "tests": str(len(stages)),
            "failures": str(kinds.count("failure")), "errors": str(kinds.count("error")),
            "skipped": str(kinds.count("skipped")),
        })  # fmt: skip
        if end.began:
            suite.set("timestamp", end.began.strftime("%Y-%m-%dT%H:%M:%S"))
        for each, kind in zip(stages, kinds, strict=True):
            case = ElementTree.SubElement(suite, "testcase", {
                "classname": self.deployment, "name": _fit(each.name),
                "time": f"{each.seconds:.3f}",
            })  # fmt: skip
            if kind:
                why = _fit(each.why)
                said = {"message": why.partition("\n")[0] or each.verdict}
                if kind != "skipped":
                    said["type"] = each.verdict
                ElementTree.SubElement(case, kind, said).text = why
        return suite

    def _markdown(self, end: End) -> str:
        rows = "".join(
            f"| {_cell(each.name)} | {each.verdict} | {each.seconds:.1f} | {_cell(each.why)} |\n"
            for each in end.stages
        )
        why = "".join(f"> {line}\n" for line in _fit(end.why).splitlines())
        table = f"| step | verdict | seconds | remark |\n| --- | --- | ---: | --- |\n{rows}\n"
        return (
            f"### {self.deployment}: {end.verdict}\n\n[{_fit(self.name)}]({self.url}), "
            f"{end.seconds:.0f} s\n\n{why}{chr(10) if why else ''}{table if rows else ''}"
        )


def _kind(stage: Stage) -> str:
    """What JUnit calls it; a step that never ended, or was taken back, did not pass."""
    if stage.verdict == "skipped":
        return "skipped"
    if stage.verdict in WELL:
        return ""
    return "failure" if stage.verdict == "refused" else "error"


def _fit(text: str) -> str:
    return UNFIT.sub("", text)


def _cell(text: str) -> str:
    return _fit(text).partition("\n")[0].replace("|", "\\|")
