"""What the schema of a pipeline does not see: names that lead nowhere, and what never works."""

from __future__ import annotations

import graphlib
import re
from collections.abc import Iterator, Mapping

from tests.pipelines.definition import Job, Pipeline, Stage, Tree, listed
from tests.pipelines.expressions import BadExpression, Value, parsed, parts
from tests.pipelines.scripts import MACRO, macros_of, script_of, task_of

AGENTLESS = {"Delay", "InvokeRESTAPI", "ManualValidation"}
GIVEN = re.compile(r"(Agent|Build|System|Pipeline|Environment)\.\w+")  # by every agent
UNTRUSTED = re.compile(r"Build\.(SourceVersionMessage|RequestedFor|SourceBranch\w*)|System\.Pull")
SET = re.compile(r"##vso\[task\.setvariable variable=(\w+)(;isOutput=true)?")


def faults(
    pipeline: Pipeline, groups: Mapping[str, set[str]], files: Mapping[str, str]
) -> list[str]:
    """
    All that is wrong with it.

    Args:
        groups: names of the variables of each variable group.
        files: text of each script that steps may run, by path.
    """
    return list(_faults(pipeline, groups, files))


def _faults(
    pipeline: Pipeline, groups: Mapping[str, set[str]], files: Mapping[str, str]
) -> Iterator[str]:
    yield from _order({stage.name: stage.after for stage in pipeline.stages}, "stage")
    for stage in pipeline.stages:
        yield from _order({job.name: job.after for job in stage.jobs}, f"{stage.name}: job")
        yield from _condition(stage.raw.get("condition"), stage.name, stage.after, stage)
        for job in stage.jobs:
            yield from _job(stage, job, groups, files)


def _order(after: Mapping[str, list[str]], kind: str) -> Iterator[str]:
    for name, others in after.items():
        yield from (f"{kind} {name} follows {other}, which is not there"
                    for other in others if other not in after)  # fmt: skip
    try:
        graphlib.TopologicalSorter(after).prepare()
    except graphlib.CycleError as error:
        yield f"{kind}s wait for each other: {', '.join(error.args[1])}"


def _job(
    stage: Stage, job: Job, groups: Mapping[str, set[str]], files: Mapping[str, str]
) -> Iterator[str]:
    where = f"{stage.name}.{job.name}"
    yield from _condition(job.raw.get("condition"), where, job.after, stage)
    known: dict[str, str] = {}
    for each in [*_variables(stage.raw), *_variables(job.raw)]:
        if "group" in each:
            if each["group"] not in groups:
                yield f"{where}: there is no variable group {each['group']}"
            known |= dict.fromkeys(groups.get(each["group"], ()), "")
            continue
        known[each["name"]] = str(each["value"])
        if found := re.fullmatch(r"\$\[(.*)\]", str(each["value"])):
            yield from _condition(found[1], where, job.after, stage)
    names = [step["name"] for step in job.steps if "name" in step]
    yield from (f"{where}: two steps are {name}" for name in set(names) if names.count(name) > 1)
    has_code = False
    for step in job.steps:
        has_code = has_code or step.get("checkout", "none") != "none"
        yield from _step(where, job, step, has_code, known)
        known |= dict.fromkeys(_set_by(step, files), "")


def _step(
    where: str, job: Job, step: Tree, has_code: bool, known: Mapping[str, str]
) -> Iterator[str]:
    name, script = task_of(step), script_of(step)
    if not job.has_agent and name not in AGENTLESS:
        yield f"{where}: no agent runs {name}"
    if script and not has_code and "sudo" not in script:
        yield f"{where}: {script!r} runs before the code is there"
    if "condition" in step:
        yield from _condition(step["condition"], where, [], None)
    for macro in macros_of(step):
        if not GIVEN.fullmatch(macro) and macro not in known:
            yield f"{where}: nobody sets $({macro})"
    whole = MACRO.sub(lambda found: known.get(found[1], "") or found[0], script)
    yield from (f"{where}: $({macro}) is put into a script as somebody wrote it"
                for macro in MACRO.findall(whole) if UNTRUSTED.match(macro))  # fmt: skip
    if "flows trigger" in script and "--detach" not in script:
        yield from _follows(where, job, name, script)


def _follows(where: str, job: Job, name: str, script: str) -> Iterator[str]:
    """A job that is cancelled can cancel the run only if somebody tells the process."""
    if name != "bash":
        yield f"{where}: {name} does not tell its script that the job is cancelled"
    if not script.splitlines()[-1].startswith("exec "):
        yield f"{where}: only the shell is told that the job is cancelled; write exec"
    if found := re.search(r"--minutes (\d+)", script):
        if int(job.raw.get("timeoutInMinutes", 60)) < int(found[1]) + 5:
            yield f"{where}: the job ends, and cancels the run, before --minutes {found[1]}"
    elif "--attach" in script:
        yield f"{where}: the job ends, and cancels the run, where it takes long; write --minutes"


def _condition(
    text: str | None, where: str, after: list[str], stage: Stage | None
) -> Iterator[str]:
    """Is it one, and is all there that it names?"""
    if text is None:
        return
    try:
        found = list(parts(parsed(text)))
    except BadExpression as error:
        yield f"{where}: {error}"
        return
    for value in found:
        if not isinstance(value, Value) or value.path[0] == "variables":
            continue
        match value.path:
            case ("dependencies", job, "result") if job in after:
                continue
            case ("dependencies", job, "outputs", output) if job in after and stage:
                step = output.partition(".")[0]
                jobs = {each.name: each for each in stage.jobs}
                if job in jobs and any(each.get("name") == step for each in jobs[job].steps):
                    continue
        yield f"{where}: {'.'.join(value.path)} is not there"


def _variables(raw: Tree) -> list[Tree]:
    found = raw.get("variables", [])
    if isinstance(found, dict):
        return [{"name": name, "value": value} for name, value in found.items()]
    return list(found)


def _set_by(step: Tree, files: Mapping[str, str]) -> set[str]:
    """What later steps of the job know by this one."""
    if task_of(step) == "AzureKeyVault":
        return set(listed(step["inputs"]["SecretsFilter"]))
    script = script_of(step)
    texts = [script, *(text for path, text in files.items() if path in script.split())]
    found = [each for text in texts for each in SET.findall(text)]
    return {f"{step['name']}.{name}" if is_output else name for name, is_output in found}
