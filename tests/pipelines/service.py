"""What Azure DevOps does with a pipeline: which stages and jobs run, in which order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.pipelines.definition import Job, Pipeline, Stage
from tests.pipelines.expressions import Known, evaluated, is_true, parsed
from tests.pipelines.job import Work
from tests.pipelines.machine import Machine, Ran

WELL = ("Succeeded", "Skipped")


@dataclass(frozen=True)
class Build:
    """One build; run again, it has the same number."""

    number: int
    commit: str
    branch: str = "refs/heads/main"
    reason: str = "IndividualCI"

    @property
    def variables(self) -> dict[str, str]:
        return {
            "Build.BuildId": str(self.number), "Build.BuildNumber": f"20261126.{self.number}",
            "Build.SourceVersion": self.commit, "Build.SourceBranch": self.branch,
            "Build.Reason": self.reason, "Build.RequestedFor": "Ann Lee",
            "Build.Repository.LocalPath": "", "Build.DefinitionName": "mlops",
            "System.CollectionUri": "https://dev.azure.com/org/", "System.TeamProject": "shop",
            "System.TeamFoundationCollectionUri": "https://dev.azure.com/org/",
            "System.HostType": "build", "Agent.OS": "Linux", "Agent.Name": "Azure Pipelines 1",
        }  # fmt: skip


@dataclass
class Service:
    """
    Attributes:
        groups: variable groups.
        approvals: environments that were asked for, in order; all are approved.
        during: what somebody does while a job runs, by ``stage.job``.
    """

    pipeline: Pipeline
    machine: Machine
    groups: Mapping[str, Mapping[str, str]]
    approvals: list[str] = field(default_factory=list)
    during: dict[str, Callable[[Work], None]] = field(default_factory=dict)

    def run(self, build: Build, *, before: tuple[str, ...] = ()) -> dict[str, Ran]:
        """Every job that ran, by ``stage.job``, where those stages were well before."""
        ran: dict[str, Ran] = {}
        results = dict.fromkeys(before, "Succeeded")
        for stage in self.pipeline.stages:
            if stage.name in before:
                continue
            if not self._is_wanted(stage, results, build):
                results[stage.name] = "Skipped"
                continue
            done = self.stage(stage, build)
            ran |= {f"{stage.name}.{name}": each for name, each in done.items()}
            wrong = [each.result for each in done.values() if each.result not in WELL]
            results[stage.name] = wrong[0] if wrong else "Succeeded"
        return ran

    def _is_wanted(self, stage: Stage, results: Mapping[str, str], build: Build) -> bool:
        known = Known({"variables": build.variables}, status_of([results[n] for n in stage.after]))
        return is_true(evaluated(parsed(stage.raw.get("condition", "succeeded()")), known))

    def stage(self, stage: Stage, build: Build) -> dict[str, Ran]:
        """The jobs of one stage, one after the other."""
        done: dict[str, Ran] = {}
        of_stage = {**self._variables(self.pipeline.raw, {}), **self._variables(stage.raw, {})}
        for job in stage.jobs:
            seen = {name: {"result": done[name].result, "outputs": done[name].outputs}
                    for name in job.after}  # fmt: skip
            known = Known({"variables": build.variables, "dependencies": seen},
                          self._status(job, done))  # fmt: skip
            if not is_true(evaluated(parsed(job.raw.get("condition", "succeeded()")), known)):
                done[job.name] = Ran("Skipped")
                continue
            if "environment" in job.raw:
                self.approvals.append(job.raw["environment"])
            variables = {
                **build.variables, **of_stage, **self._variables(job.raw, known.values),
                "System.StageName": stage.name, "System.JobName": job.name,
                "System.JobAttempt": "1", "System.StageAttempt": "1",
                "Agent.JobName": job.raw.get("displayName", job.name),
            }  # fmt: skip
            done[job.name] = self._job(f"{stage.name}.{job.name}", job, variables)
        return done

    def _job(self, where: str, job: Job, variables: Mapping[str, str]) -> Ran:
        if not job.has_agent:
            return Ran()
        work = Work(job, self.machine, variables)
        if where in self.during:
            threading.Thread(target=self.during[where], args=(work,), daemon=True).start()
        return work.run()

    def _status(self, job: Job, done: Mapping[str, Ran]) -> dict[str, bool]:
        results = [done[name].result for name in job.after]
        return status_of(
            results, is_cancelled="Canceled" in [each.result for each in done.values()]
        )

    def _variables(self, raw: dict, seen: Mapping) -> dict[str, str]:
        found = raw.get("variables", [])
        if isinstance(found, dict):
            found = [{"name": name, "value": value} for name, value in found.items()]
        known: dict[str, str] = {}
        for each in found:
            if "group" in each:
                known |= self.groups[each["group"]]
            elif str(each["value"]).startswith("$["):
                known[each["name"]] = str(evaluated(parsed(each["value"][2:-1]), Known(seen)))
            else:
                known[each["name"]] = str(each["value"])
        return known


def status_of(results: list[str], *, is_cancelled: bool = False) -> dict[str, bool]:
    """What succeeded() and its like say after stages or jobs that ended so."""
    return {
        "succeeded": all(each == "Succeeded" for each in results) and not is_cancelled,
        "failed": "Failed" in results, "always": True, "canceled": is_cancelled,
        "succeededOrFailed": not is_cancelled,
    }  # fmt: skip
